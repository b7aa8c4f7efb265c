//! A path at which a file of ours may stand, and nothing else is touched. Nothing here waits for whoever has a pipe's
//! other end.

use std::{
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use rustix::fs::OFlags;

use super::format::{self, BEGINNING, Unused};
use crate::accept_set::AcceptSet;

/// What stands before the set, at most.
const HEAD_BYTES: usize = 64 * 1024;

/// How many paths this process has had.
static PATHS: AtomicUsize = AtomicUsize::new(0);

pub(super) struct Path {
    path: PathBuf,
    /// Beside it, where a file is written before it takes its place. No other process that lives has the same.
    new: PathBuf,
}

/// What stands there is left alone.
#[derive(Debug)]
pub(super) struct NotOurs {
    path: PathBuf,
    what: String,
}

/// A file of ours, or an empty one.
pub(super) struct Found {
    file: File,
    about: Metadata,
}

impl Path {
    pub(super) fn new(path: PathBuf) -> Self {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{}.new", std::process::id(), PATHS.fetch_add(1, Relaxed)));
        Self { new: path.with_file_name(name), path }
    }

    /// What stands there; none: nothing.
    pub(super) fn look(&self) -> Result<Option<Found>, NotOurs> {
        look(&self.path).map_err(|what| NotOurs { path: self.path.clone(), what })
    }

    /// Replaces the file as a whole, where it is ours: whoever reads sees the old one or the new one.
    pub(super) fn replace(&self, parts: &[&[u8]]) -> io::Result<()> {
        self.look().map_err(io::Error::other)?;
        // What a process of the same number has left behind.
        if look(&self.new).map_err(io::Error::other)?.is_some() {
            fs::remove_file(&self.new)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.new)?;
        let replaced = write(file, parts).and_then(|()| {
            self.look().map_err(io::Error::other)?;
            fs::rename(&self.new, &self.path)
        });
        replaced.inspect_err(|_| drop(fs::remove_file(&self.new)))
    }
}

fn write(mut file: File, parts: &[&[u8]]) -> io::Result<()> {
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

/// Looks before it opens, since to open a device can do something, and again at what it has opened.
fn look(path: &std::path::Path) -> Result<Option<Found>, String> {
    let unseen = |error: io::Error| format!("it can't be looked at: {error}");
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => is_file_of_ours(&about.map_err(unseen)?)?,
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unseen)?,
    };
    let about = file.metadata().map_err(unseen)?;
    is_file_of_ours(&about)?;
    let mut begin = Vec::new();
    (&file).take(BEGINNING).read_to_end(&mut begin).map_err(unseen)?;
    if format::of(&begin) != Err(Unused::Foreign) {
        Ok(Some(Found { file, about }))
    } else {
        Err("it is a file of another program".to_owned())
    }
}

fn is_file_of_ours(about: &Metadata) -> Result<(), String> {
    let kind = about.file_type();
    let is = match () {
        () if kind.is_symlink() => "a link",
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () if !kind.is_file() => "a device",
        () if about.uid() != rustix::process::geteuid().as_raw() => "a file of another user",
        () => return Ok(()),
    };
    Err(format!("it is {is}"))
}

impl Found {
    /// All of it, if nobody else can have written it.
    pub(super) fn read(mut self) -> io::Result<Vec<u8>> {
        let mode = self.about.mode();
        if mode & 0o007 != 0 || (mode & 0o070 != 0 && !is_our_group(self.about.gid())) {
            return Err(unfit("it has to have mode 0600, or be open to a group of this process's besides"));
        }
        let most = AcceptSet::MAX_BYTES + HEAD_BYTES;
        io::Seek::rewind(&mut self.file)?;
        let mut text = Vec::new();
        self.file.take(most as u64 + 1).read_to_end(&mut text)?;
        if text.len() > most { Err(unfit("it is too large")) } else { Ok(text) }
    }
}

/// Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
fn is_our_group(group: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    rustix::process::getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
}

fn unfit(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, what } = self;
        write!(f, "{}: {what}; it is left alone, so give the cache another path", path.display())
    }
}

impl std::error::Error for NotOurs {}
