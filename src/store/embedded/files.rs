//! The directory, the files in it, and the key: whose they are, and who may look.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    error::OpenError,
    seal::{KEY_LENGTH, Key},
};
use crate::ownership::{self, Limits};

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
    // A volume that everybody may write, as Kubernetes mounts an emptyDir: who reaches it was decided by root, who mounted
    // it for whoever runs here.
    if metadata.uid() == 0 && is_mounted(path) {
        return Ok(());
    }
    let Some(why) = ownership::concern(&metadata, ownership::UNCHANGED) else { return Ok(()) };
    let why = format!("{why}, or name a folder below it, which is then made for us alone");
    Err(OpenError::Unsafe { path: path.to_owned(), why })
}

/// Whether a file system of its own begins there. Unknown on a kernel before 5.8, and so taken as no.
fn is_mounted(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let about = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    about.is_ok_and(|about| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// A file of the database, where it is there. Returns whether it is.
pub(super) fn is_there(path: &Path) -> Result<bool, OpenError> {
    match std::fs::metadata(path) {
        Ok(metadata) => ours(path, &metadata, ownership::UNCHANGED).map(|()| true),
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
    let mut file = match ownership::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("open the key", path)(error)),
    };
    // Of the open file, not of the path: it can't be another one by then.
    let metadata = file.metadata().map_err(io_error("look at the key", path))?;
    ours(path, &metadata, ownership::SECRET)?;
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

fn ours(path: &Path, metadata: &Metadata, limits: Limits) -> Result<(), OpenError> {
    match ownership::concern(metadata, limits) {
        Some(why) => Err(OpenError::Unsafe { path: path.to_owned(), why }),
        None => Ok(()),
    }
}
