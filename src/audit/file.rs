//! The log as a file: appended under a lock, on the disk before anybody goes on.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};

use self::end::End;
use super::{
    Event,
    chain::{Link, Marker},
    writer::Pages,
};
use crate::{ownership, time::Timestamp};

mod end;

/// How long another process may keep the lock, times [`LOCK_PAUSE`]: a second. A stopped one must not
/// hold up what follows.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// How often a file may be moved away under our hands in one call.
const MOVES: usize = 3;

pub(super) struct Log {
    path: PathBuf,
    /// None: it could not be opened, and is tried again with each entry.
    file: Option<File>,
    /// The end of the chain as we last saw it: where the file is moved away, the next one names it.
    last: Link,
    /// How often the lock is tried: once where somebody has kept it for the whole time before.
    tries: u32,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Some(open(path)?), ..Self::unopened(path) })
    }

    /// One that is opened with its first entry.
    pub(super) fn unopened(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, last: Link::default(), tries: LOCK_TRIES }
    }

    /// False where the file is no longer the one at the path (a log rotation).
    fn append_locked(&mut self, file: &mut File, entries: &[(Timestamp, Event)]) -> io::Result<bool> {
        let locked = lock(file, self.tries);
        self.tries = if locked.is_ok() { LOCK_TRIES } else { 1 };
        locked?;
        // Under the lock, so that nobody writes to the old file once its last hash was taken.
        let result = match is_at(file, &self.path) {
            Ok(true) => self.append_to(file, entries).map(|()| true),
            Ok(false) => {
                // Where it can't be read, what we saw last has to do.
                self.last = End::read(file).map_or(self.last.clone(), |end| end.link);
                Ok(false)
            }
            Err(error) => Err(error),
        };
        flock(&*file, FlockOperation::Unlock)?;
        result
    }

    fn append_to(&mut self, file: &mut File, entries: &[(Timestamp, Event)]) -> io::Result<()> {
        let Some((now, _)) = entries.first() else { return Ok(()) };
        let End { length, mut link, open, rest } = End::read(file)?;
        let mut text = String::new();
        if open {
            text.push('\n');
        }
        if let Some(rest) = rest {
            text += &link.append(*now, &Marker::Torn(rest))?;
        }
        if length == 0 && self.last.seq > 0 {
            let Link { seq: last_seq, hash: last_hash } = self.last.clone();
            text += &link.append(*now, &Marker::Continued { last_seq, last_hash })?;
        }
        for (now, event) in entries {
            text += &link.append(*now, event)?;
        }
        if let Err(error) = file.write_all(text.as_bytes()) {
            // A part of them on a full disk would only be in the way; where it can't be taken back, the
            // next entry goes on behind it.
            drop(file.set_len(length));
            return Err(error);
        }
        // Where only this fails the entries stay: they may well last, and they are true.
        self.last = link;
        file.sync_data()
    }
}

impl Pages for Log {
    fn append(&mut self, entries: &[(Timestamp, Event)]) -> io::Result<()> {
        for _ in 0..MOVES {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => open(&self.path)?,
            };
            let appended = self.append_locked(&mut file, entries);
            // A file that is no longer at the path is kept only for as long as there is no other.
            self.file = Some(file);
            if appended? {
                return Ok(());
            }
            self.file = Some(open(&self.path)?);
        }
        Err(io::Error::other("the file is moved away again and again: look at the log rotation"))
    }
}

/// Opens the file that we or root own and that nobody else can change, or makes it.
fn open(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Without waiting: a pipe has no end that could be read.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
    let file = options.open(path).map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => unfit("it is a symbolic link, which is not followed: name the file itself"),
        _ => error,
    })?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(unfit("it is no regular file"));
    }
    if let Some(why) = ownership::concern(&about, ownership::UNCHANGED) {
        return Err(unfit(why));
    }
    if about.len() == 0 {
        // A new file lasts only once its folder is on the disk.
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

/// Whether it is the file at the path, and not one that a link there points to. One that somebody else can change by now
/// is an error.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    let is_at = match std::fs::symlink_metadata(path) {
        Ok(there) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    match ownership::concern(&ours, ownership::UNCHANGED).filter(|_| is_at) {
        Some(why) => Err(unfit(why)),
        None => Ok(is_at),
    }
}

fn unfit(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

#[expect(clippy::disallowed_methods, reason = "it is done by a thread of the log's own")]
fn lock(file: &File, tries: u32) -> io::Result<()> {
    for n in 1..=tries {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if n < tries => std::thread::sleep(LOCK_PAUSE),
            Err(Errno::WOULDBLOCK) => {}
            result => return Ok(result?),
        }
    }
    let what = "another process keeps the log locked: look for a stopped one, and end or continue it";
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

#[cfg(test)]
mod tests;
