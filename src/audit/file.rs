//! The log as a file: appended under a lock, on the disk before anybody goes on.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::fs::{FlockOperation, flock};

use super::{Event, LINE_BYTES, chain::Link};
use crate::time::Timestamp;

pub(super) struct Log {
    path: PathBuf,
    file: Mutex<File>,
}

/// How the file ends.
struct End {
    link: Link,
    /// A crash cut the last line short.
    torn: bool,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(open(path)?) })
    }

    pub(super) fn append(&self, now: Timestamp, event: &Event) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if self.was_moved(&file)? {
            // By a log rotation: a new chain begins in a new file.
            *file = open(&self.path)?;
        }
        flock(&*file, FlockOperation::LockExclusive)?;
        let result = append(&mut file, now, event);
        flock(&*file, FlockOperation::Unlock)?;
        result
    }

    fn was_moved(&self, file: &File) -> io::Result<bool> {
        let ours = file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn append(file: &mut File, now: Timestamp, event: &Event) -> io::Result<()> {
    let End { link, torn } = end(file)?;
    let mut line = link.line(now, event, torn)?;
    if torn {
        line.insert(0, '\n');
    }
    line.push('\n');
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

/// The end of the chain, from the last lines of the file.
fn end(file: &mut File) -> io::Result<End> {
    let length = file.metadata()?.len();
    // A torn line and the whole one before it.
    let tail = length.min(4 * LINE_BYTES as u64);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    let torn = bytes.last().is_some_and(|byte| *byte != b'\n');
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().rev().skip(usize::from(torn));
    match lines.next() {
        None => Ok(End { link: Link::default(), torn }),
        Some(line) => {
            let link = Link::of(line);
            let what = "its last line is no entry: move the file away, and a new chain begins";
            let link = link.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, what))?;
            Ok(End { link, torn })
        }
    }
}

#[cfg(test)]
mod tests;
