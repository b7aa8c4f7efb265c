//! The last view in a file, so that a server can start while the daemon is down.
//!
//! What is read from it only ever accepts. What stands at its path and is not ours is never written over, and nothing
//! that is done to it holds up the follower.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    ConnectError, Event,
    address::Address,
    machine::{First, Machine, closed, offloaded, race, within},
    views::{Newest, Views},
};
use crate::{clock::Moment, verdict::View};

mod before;
mod file;
mod format;

use file::Path;
use format::{Unused, Whose};

/// How often a view that holds the same set is written.
const AGAIN_AFTER_MS: u64 = 60_000;

/// How long the start, and the end, wait for a disk.
const LIMIT: Duration = Duration::from_secs(2);

/// Names the boot that the boot clock counts from.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A path for the last view, and whose view it is.
#[derive(Clone)]
pub(super) struct Cache {
    path: Arc<Path>,
    whose: Whose,
}

impl Cache {
    pub(super) fn new(path: PathBuf, replicas: &[Address], audience: &str) -> Self {
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let urls = replicas.iter().map(|replica| &*replica.url);
        Self { path: Arc::new(Path::new(path)), whose: Whose::new(audience, urls, boot.trim()) }
    }

    /// What was kept; none: there is nothing.
    ///
    /// # Errors
    ///
    /// Outside, that what stands there is not ours; inside, that it is of no use.
    pub(super) async fn read(&self, machine: &dyn Machine) -> Result<io::Result<Option<View>>, ConnectError> {
        let (cache, at) = (self.clone(), machine.moment());
        let read = offloaded(machine, move || {
            let Some(found) = cache.path.look()? else { return Ok(Ok(None)) };
            Ok(found.read().and_then(|text| {
                if text.is_empty() {
                    return Ok(None);
                }
                let view = view(&cache.whose, &text, at);
                view.map(Some).map_err(|unused| io::Error::new(io::ErrorKind::InvalidData, unused))
            }))
        });
        match within(machine, LIMIT, read).await.flatten() {
            Some(read) => read.map_err(|error: file::NotOurs| ConnectError::Cache(error.to_string())),
            None => Ok(Err(io::Error::new(io::ErrorKind::TimedOut, "it was not read in time"))),
        }
    }

    fn write(&self, Newest { json, place, taken }: &Newest) -> io::Result<()> {
        let set = json.trim_ascii_end();
        self.path.replace(&[self.whose.head(set, *place, *taken).as_bytes(), set])
    }
}

/// The view that a file holds, as old as it is at that moment.
fn view(whose: &Whose, file: &[u8], at: Moment) -> Result<View, Unused> {
    match format::of(file)? {
        format::FORMAT => whose.view(file, at),
        before::FORMAT => before::view(whose, file, at),
        _ => Err(Unused::OtherFormat),
    }
}

/// Keeps the newest view in the file.
pub(super) struct Keeper {
    views: Arc<Views>,
    cache: Cache,
    /// What was written last: its set, and when its view was taken, on the boot clock.
    written: Option<(Bytes, u64)>,
    /// Whether the first view was written, or could not be.
    looked_at: watch::Sender<bool>,
}

impl Keeper {
    pub(super) fn new(views: Arc<Views>, cache: Cache) -> Self {
        Self { views, cache, written: None, looked_at: watch::Sender::new(false) }
    }

    /// Becomes true when the first view was written, or could not be.
    pub(super) fn began(&self) -> watch::Receiver<bool> {
        self.looked_at.subscribe()
    }

    pub(super) async fn run(&mut self, closing: watch::Receiver<()>) {
        let (machine, mut taken) = (Arc::clone(&self.views.daemon.machine), self.views.taken());
        loop {
            taken.borrow_and_update();
            self.keep(&*machine).await;
            if let First::That(()) = race(taken.changed(), closed(closing.clone())).await {
                break;
            }
        }
        within(&*machine, LIMIT, self.keep(&*machine)).await;
    }

    /// Writes what is new, or due. What could not be written is tried again with the next view.
    async fn keep(&mut self, machine: &dyn Machine) {
        let Some(newest) = self.views.newest() else { return };
        let taken_ms = newest.taken.boot_ms;
        let stands = self.written.as_ref().is_some_and(|(json, written_ms)| {
            *json == newest.json && taken_ms.saturating_sub(*written_ms) < AGAIN_AFTER_MS
        });
        if !stands {
            let (cache, json) = (self.cache.clone(), newest.json.clone());
            let written = offloaded(machine, move || cache.write(&newest)).await;
            match written.unwrap_or_else(|| Err(io::Error::other("it was not written to its end"))) {
                Ok(()) => self.written = Some((json, taken_ms)),
                Err(error) => self.views.daemon.tell(&Event::Cache { error: &error }),
            }
        }
        self.looked_at.send_replace(true);
    }
}

#[cfg(test)]
mod tests;
