//! The log as a file: appended under a lock, on the disk before anybody goes on.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use self::end::End;
use super::{
    Event,
    chain::{Link, Marker},
};
use crate::time::Timestamp;

mod end;

/// How long another process may keep the lock, times [`LOCK_PAUSE`]: two seconds. A stopped one must
/// not hold up a rotation.
const LOCK_TRIES: u32 = 400;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// How often a file may be moved away under our hands in one call.
const MOVES: usize = 3;

pub(super) struct Log {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    /// The end of the chain as we last saw it: where the file is moved away, the next one names it.
    last: Link,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            open: Mutex::new(Open { file: open(path)?, last: Link::default() }),
        })
    }

    pub(super) fn append(&self, now: Timestamp, event: &Event) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..MOVES {
            if open.append_locked(&self.path, now, event)? {
                return Ok(());
            }
            open.file = self::open(&self.path)?;
        }
        Err(io::Error::other("the file is moved away again and again: look at the log rotation"))
    }
}

impl Open {
    /// False where the file is no longer the one at the path (a log rotation).
    fn append_locked(&mut self, path: &Path, now: Timestamp, event: &Event) -> io::Result<bool> {
        lock(&self.file)?;
        // Under the lock, so that nobody writes to the old file once its last hash was taken.
        let result = match is_at(&self.file, path) {
            Ok(true) => self.append(now, event).map(|()| true),
            Ok(false) => {
                // Where it can't be read, what we saw last has to do.
                self.last = End::read(&mut self.file).map_or(self.last.clone(), |end| end.link);
                Ok(false)
            }
            Err(error) => Err(error),
        };
        flock(&self.file, FlockOperation::Unlock)?;
        result
    }

    fn append(&mut self, now: Timestamp, event: &Event) -> io::Result<()> {
        let End { length, mut link, open, rest } = End::read(&mut self.file)?;
        let mut text = String::new();
        if open {
            text.push('\n');
        }
        if let Some(rest) = rest {
            text += &link.append(now, &Marker::Torn(rest))?;
        }
        if length == 0 && self.last.seq > 0 {
            let Link { seq: last_seq, hash: last_hash } = self.last.clone();
            text += &link.append(now, &Marker::Continued { last_seq, last_hash })?;
        }
        text += &link.append(now, event)?;
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // Half a line on a full disk would only be in the way; where it can't be taken back, the
            // next entry sets it aside.
            drop(self.file.set_len(length));
            return Err(error);
        }
        // Where only this fails the entry stays: it may well last, and it is true.
        self.last = link;
        self.file.sync_data()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let about = file.metadata()?;
    if about.is_file() && about.len() == 0 {
        // A new file lasts only once its folder is on the disk.
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "callers expect `record` to block, and no runtime is needed for it"
)]
fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_TRIES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            result => return Ok(result?),
        }
    }
    let what = "another process keeps the log locked: look for a stopped one, and end or continue it";
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

#[cfg(test)]
mod tests;
