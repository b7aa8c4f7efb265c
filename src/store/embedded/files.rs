//! The directory, the files in it, and the key: whose they are, and who may look.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    fault::OpenError,
    seal::{KEY_LENGTH, Key},
};

const GROUP_OR_WORLD_WRITES: u32 = 0o022;
const GROUP_OR_WORLD_AT_ALL: u32 = 0o077;

/// The directory, made for us alone where it is missing.
pub(super) fn directory(path: &Path, create: bool) -> Result<(), OpenError> {
    if create {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error("make the directory", path))?;
    }
    let metadata = std::fs::metadata(path).map_err(io_error("look at the directory", path))?;
    ours(path, &metadata, GROUP_OR_WORLD_WRITES)
}

/// A file of the database, where it is there. Returns whether it is.
pub(super) fn is_there(path: &Path) -> Result<bool, OpenError> {
    match std::fs::metadata(path) {
        Ok(metadata) => ours(path, &metadata, GROUP_OR_WORLD_WRITES).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("look at", path)(error)),
    }
}

/// Held while files are made, so that two first starts at once make one database.
pub(super) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(io_error("open", &path))?;
    file.lock().map_err(io_error("lock", &path))?;
    Ok(file)
}

/// The key; none where there is no file.
pub(super) fn key(path: &Path) -> Result<Option<Key>, OpenError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("open the key", path)(error)),
    };
    // Of the open file, not of the path: it can't be another one by then.
    let metadata = file.metadata().map_err(io_error("look at the key", path))?;
    ours(path, &metadata, GROUP_OR_WORLD_AT_ALL)?;
    if metadata.len() != KEY_LENGTH as u64 {
        return Err(OpenError::NotAKey { path: path.to_owned(), length: metadata.len() });
    }
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    file.read_exact(bytes.as_mut()).map_err(io_error("read the key", path))?;
    Ok(Some(Key(bytes)))
}

/// Makes the key. It appears under its name whole or not at all, and never takes another's place.
pub(super) fn make_key(path: &Path) -> Result<Key, OpenError> {
    let key = Key::generate().map_err(|e| io_error("make the key", path)(io::Error::other(e)))?;
    let unfinished = beside(path, ".new");
    remove(&unfinished)?;
    let mut file = create_new(&unfinished)?;
    let written = file.write_all(key.0.as_slice()).and_then(|()| file.sync_all());
    written.map_err(io_error("write the key", &unfinished))?;
    std::fs::hard_link(&unfinished, path).map_err(io_error("make the key", path))?;
    remove(&unfinished)?;
    sync_directory_of(path)?;
    Ok(key)
}

/// A new file that only we can read.
pub(super) fn create_new(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(io_error("make", path))
}

/// The file is gone afterwards.
pub(super) fn remove(path: &Path) -> Result<(), OpenError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Names that were made in it outlive a power cut.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), OpenError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(directory).and_then(|file| file.sync_all());
    synced.map_err(io_error("sync the directory", directory))
}

/// The same name with something after it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { what, path, source }
}

/// Of root or us, and with none of these permissions.
fn ours(path: &Path, metadata: &Metadata, forbidden: u32) -> Result<(), OpenError> {
    let refuse = |why: String| Err(OpenError::Unsafe { path: path.to_owned(), why });
    let us = rustix::process::geteuid().as_raw();
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != us && owner != 0 {
        return refuse(format!(
            "it belongs to uid {owner}, and we are uid {us}: chown it, or run as its owner"
        ));
    }
    if mode & forbidden != 0 {
        let verb = if forbidden == GROUP_OR_WORLD_AT_ALL { "read or change" } else { "change" };
        return refuse(format!("others can {verb} it (mode {mode:04o}): chmod go= it"));
    }
    Ok(())
}
