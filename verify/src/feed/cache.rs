//! The digests in a file, so that a server can start while the daemon is down.
//!
//! What is read from it only ever accepts: it is never fresh. `hold` goes on from the last view, however often the
//! process starts. The file is one line about the view, and then the set as it came.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderValue;
use rustix::fs::OFlags;

use super::{
    address::Address,
    machine::{Machine, offloaded},
};
use crate::{
    accept_set::{AcceptSet, Text},
    clock::Moment,
    json::Reader,
    verdict::View,
};

/// How often a view that holds the same set is written.
const AGAIN_AFTER_MS: u64 = 60_000;

/// What stands before the set.
const HEAD_BYTES: usize = 64 * 1024;

/// Names the boot that the boot clock counts from.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

#[derive(Clone)]
pub(super) struct Cache {
    path: PathBuf,
    audience: Arc<str>,
    /// The replicas, in no order.
    feed: Arc<str>,
    boot: Arc<str>,
    /// On the boot clock.
    written_ms: Option<u64>,
}

impl Cache {
    pub(super) fn new(path: PathBuf, replicas: &[Address], audience: &str) -> Self {
        let mut urls: Vec<&str> = replicas.iter().map(|replica| replica.url.trim_end_matches('/')).collect();
        urls.sort_unstable();
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
        let (feed, boot) = (urls.join(" ").into(), boot.trim().into());
        Self { path, audience: audience.into(), feed, boot, written_ms: None }
    }

    /// What was kept; none: there is no file.
    pub(super) async fn read(&self, machine: &dyn Machine) -> io::Result<Option<(View, HeaderValue)>> {
        let (cache, at) = (self.clone(), machine.moment());
        blocking(machine, move || match open(&cache.path) {
            Ok(file) => cache.view(&read(file)?, at).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Keeps a view, where that is new or due.
    pub(super) async fn write(
        &mut self,
        machine: &dyn Machine,
        view: &View,
        etag: &HeaderValue,
        changed: bool,
    ) -> io::Result<()> {
        let now_ms = view.taken.boot_ms;
        let due = self.written_ms.is_none_or(|written| now_ms.saturating_sub(written) >= AGAIN_AFTER_MS);
        if !changed && !due {
            return Ok(());
        }
        self.written_ms = Some(now_ms);
        let (cache, view, etag) = (self.clone(), view.clone(), etag.clone());
        blocking(machine, move || replace(&cache.path, &cache.text(&view, &etag))).await
    }

    fn text(&self, view: &View, etag: &HeaderValue) -> String {
        let View { set, now_ms, age_ms, taken, .. } = view;
        let (feed, boot) = (Text(&self.feed), Text(&self.boot));
        let etag = Text(etag.to_str().unwrap_or_default());
        let Moment { boot_ms, wall_ms } = taken;
        format!(
            "{{\"format\":1,\"feed\":{feed},\"etag\":{etag},\"now_ms\":{now_ms},\"age_ms\":{age_ms},\
             \"boot\":{boot},\"boot_ms\":{boot_ms},\"wall_ms\":{wall_ms}}}\n{}",
            set.to_json()
        )
    }

    fn view(&self, text: &str, at: Moment) -> io::Result<(View, HeaderValue)> {
        let (head, set) = text.split_once('\n').ok_or_else(|| unfit("it is cut off"))?;
        let head = Head::read(head).ok_or_else(|| unfit("its first line can't be read"))?;
        if head.feed != *self.feed {
            return Err(unfit("it is of another feed"));
        }
        let set = AcceptSet::parse(set.as_bytes(), &self.audience).map_err(unfit)?;
        let etag = HeaderValue::from_str(&head.etag).map_err(unfit)?;
        // Of another boot, the wall clock alone says how long ago it was.
        let same_boot = !self.boot.is_empty() && head.boot == *self.boot && at.boot_ms >= head.taken.boot_ms;
        let since = if same_boot { head.taken } else { Moment { boot_ms: at.boot_ms, ..head.taken } };
        if !same_boot && at.wall_ms < head.taken.wall_ms {
            return Err(unfit("it was written later than now, so how old it is can't be told"));
        }
        let elapsed = at.elapsed_since_ms(since);
        let (now_ms, age_ms) = (head.now_ms.saturating_add(elapsed), head.age_ms.saturating_add(elapsed));
        Ok((View { set, now_ms, age_ms, taken: at, complete: false }, etag))
    }
}

#[derive(Default)]
struct Head {
    feed: String,
    etag: String,
    boot: String,
    now_ms: u64,
    age_ms: u64,
    taken: Moment,
}

impl Head {
    fn read(line: &str) -> Option<Self> {
        let (mut head, mut seen) = (Self::default(), 0);
        let mut reader = Reader::new(line);
        let read = reader.object::<crate::json::Fault>(|reader, key| {
            match key {
                "format" if reader.integer()? != 1 => return Err(crate::json::Fault::Type),
                "format" => {}
                "feed" => head.feed = reader.string()?.into_owned(),
                "etag" => head.etag = reader.string()?.into_owned(),
                "boot" => head.boot = reader.string()?.into_owned(),
                "now_ms" => head.now_ms = reader.integer()?,
                "age_ms" => head.age_ms = reader.integer()?,
                "boot_ms" => head.taken.boot_ms = reader.integer()?,
                "wall_ms" => head.taken.wall_ms = reader.integer()?,
                _ => return Err(crate::json::Fault::Type),
            }
            seen += 1;
            Ok(())
        });
        (read.is_ok() && seen == 8 && reader.end().is_ok()).then_some(head)
    }
}

/// Opens a file that only we can have written, and waits for nobody: a pipe in its place is opened at once too, and is
/// no file.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    let is_ours = about.is_file() && about.uid() == rustix::process::geteuid().as_raw();
    let is_open = about.mode() & 0o007 != 0 || (about.mode() & 0o070 != 0 && !is_our_group(about.gid()));
    if !is_ours || is_open {
        let what = "it has to be a file of our own user, with mode 0600, or open to a group of this process's besides";
        return Err(unfit(what));
    }
    Ok(file)
}

/// Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
fn is_our_group(group: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    rustix::process::getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
}

fn read(file: File) -> io::Result<String> {
    let most = AcceptSet::MAX_BYTES + HEAD_BYTES;
    let mut text = String::new();
    file.take(most as u64 + 1).read_to_string(&mut text)?;
    if text.len() > most { Err(unfit("it is too large")) } else { Ok(text) }
}

/// As a whole: whoever reads sees the old one or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().ok_or_else(|| unfit("its path names no file"))?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

async fn blocking<T: Send + 'static>(
    machine: &dyn Machine,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    offloaded(machine, work).await.unwrap_or_else(|| Err(io::Error::other("it was not done to its end")))
}

fn unfit(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
