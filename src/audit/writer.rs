//! The thread that writes the log, and the two queues before it.
//!
//! What keeps the promise waits for no caller: our own entries (steps, orders, what a person does on the admin socket)
//! and callers' entries (bots that are given tokens, whoever is refused one) have a queue each. Whatever waits in a
//! queue is written as one group, with one sync for all of it, and ours goes first: so it waits for one group of
//! callers' at most, the one that is being written already.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::Builder,
    time::Duration,
};

use super::{
    event::{About, Event},
    lost::Lost,
};
use crate::{lock::lock, time::Timestamp};

/// So many entries wait in each queue at most. One of ours that finds its queue full is lost, loudly, and stops nobody.
/// A caller's is not taken: the caller is told so, and gets nothing that would have to be written down.
const WAITING: usize = 1024;
/// So many entries are written with one sync at most, which is 1 MiB: what goes first waits no longer than that takes.
const GROUP: usize = 256;
/// How long the last entries are waited for at the end.
const LAST: Duration = Duration::from_secs(2);

/// Where groups of entries are written.
pub(super) trait Pages: Send + 'static {
    /// Appends them in their order, and returns once all of them are on the disk. After an error none of them counts.
    fn append(&mut self, entries: &[(Timestamp, Event)]) -> io::Result<()>;
}

/// Told once its entry is on the disk, or lost.
pub(super) type Told = Box<dyn FnOnce() + Send>;

/// What the thread and those who write share.
#[derive(Default)]
pub(super) struct Account {
    failures: AtomicU64,
    /// The last entry was not written in time: nobody waits until one is written again.
    behind: AtomicBool,
    lost: Lost,
}

impl Account {
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    pub(super) fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Relaxed);
    }

    fn lose(&self, now: Timestamp, event: &Event, about: About, error: &io::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.lost.tell(now, event, about, error);
    }
}

/// An entry that waits.
struct Queued {
    now: Timestamp,
    event: Event,
    told: Told,
}

#[derive(Default)]
struct Queues {
    ours: VecDeque<Queued>,
    callers: VecDeque<Queued>,
    is_closed: bool,
    has_ended: bool,
}

impl Queues {
    fn of(&mut self, about: About) -> &mut VecDeque<Queued> {
        match about {
            About::Us => &mut self.ours,
            About::Caller => &mut self.callers,
        }
    }

    /// What is written next. The two kinds never share a group: a step's entry shares neither the size of callers'
    /// entries, nor their fate on a disk that is nearly full.
    fn next(&mut self) -> Option<(About, Vec<Queued>)> {
        [About::Us, About::Caller].into_iter().find_map(|about| {
            let queue = self.of(about);
            let group: Vec<Queued> = queue.drain(..queue.len().min(GROUP)).collect();
            (!group.is_empty()).then_some((about, group))
        })
    }
}

/// What lies between the thread and those who have entries for it.
#[derive(Default)]
struct Channel {
    /// Held for the moment in which an entry is put in, or a group taken out: never while anything is written.
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Channel {
    /// Waits for the next group; none: there will be no other.
    fn next(&self) -> Option<(About, Vec<Queued>)> {
        let mut queues = lock(&self.queues);
        loop {
            let group = queues.next();
            if group.is_some() || queues.is_closed {
                return group;
            }
            queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends when it is dropped, with everything written or lost.
pub(super) struct Writer {
    channel: Arc<Channel>,
    pub(super) account: Arc<Account>,
}

impl Writer {
    pub(super) fn start(pages: impl Pages, account: &Arc<Account>) -> io::Result<Self> {
        let writer = Self { channel: Arc::default(), account: Arc::clone(account) };
        let (channel, account) = (Ending(Arc::clone(&writer.channel)), Arc::clone(account));
        Builder::new().name("audit".to_owned()).spawn(move || write(pages, &channel.0, &account))?;
        Ok(writer)
    }

    /// Puts an entry in, and waits for nothing. False: the queue is full, and the entry was not taken.
    pub(super) fn put(&self, about: About, now: Timestamp, event: Event, told: Told) -> bool {
        let mut queues = lock(&self.channel.queues);
        let queue = queues.of(about);
        if queue.len() < WAITING {
            queue.push_back(Queued { now, event, told });
            self.channel.changed.notify_all();
            return true;
        }
        drop(queues);
        if about == About::Us {
            let why = io::Error::other("too many entries wait for a log that can't be written");
            self.account.lose(now, &event, about, &why);
        }
        false
    }
}

fn write(mut pages: impl Pages, channel: &Channel, account: &Account) {
    while let Some((about, group)) = channel.next() {
        let (entries, told): (Vec<_>, Vec<_>) =
            group.into_iter().map(|Queued { now, event, told }| ((now, event), told)).unzip();
        match pages.append(&entries) {
            Ok(()) => account.set_behind(false),
            Err(error) => entries.iter().for_each(|(now, event)| account.lose(*now, event, about, &error)),
        }
        told.into_iter().for_each(|told| told());
    }
}

/// Says that the thread has ended, however it did.
struct Ending(Arc<Channel>);

impl Drop for Ending {
    fn drop(&mut self) {
        lock(&self.0.queues).has_ended = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Writer {
    /// A disk that does not answer, or a reader that does not read, must not keep the process from ending.
    fn drop(&mut self) {
        let mut queues = lock(&self.channel.queues);
        queues.is_closed = true;
        self.channel.changed.notify_all();
        let ended = self.channel.changed.wait_timeout_while(queues, LAST, |queues| !queues.has_ended);
        let (mut queues, _) = ended.unwrap_or_else(PoisonError::into_inner);
        while let Some((about, group)) = queues.next() {
            let why = io::Error::other(format!("the log could not be written within {LAST:?} of the end"));
            group.iter().for_each(|entry| self.account.lose(entry.now, &entry.event, about, &why));
        }
    }
}

#[cfg(test)]
mod tests;
