//! The files that are open, compared with those that bear their names now. What is written into a file that was moved or
//! removed is lost to whoever opens its name next.

use std::{
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{error::DatabaseError, files, seal::Key};

/// Device and inode.
type FileId = (u64, u64);

/// What a store has open.
pub(super) struct OpenFiles {
    files: Vec<(PathBuf, FileId)>,
    key_file: PathBuf,
    key_id: [u8; 16],
}

impl OpenFiles {
    /// The database, and what SQLite keeps beside it for as long as it is open.
    pub(super) fn new(database: &Path, key_file: &Path, key: &Key) -> Self {
        let beside = ["-wal", "-shm"].map(|suffix| files::beside(database, suffix));
        let open = std::iter::once(database.to_owned()).chain(beside);
        let files = open.filter_map(|path| Some((path.clone(), file_id(&path).ok()?))).collect();
        Self { files, key_file: key_file.to_owned(), key_id: key.id() }
    }

    /// Why a step could be lost, or a read be of no use; none: what is open bears its names.
    pub(super) fn database(&self) -> Option<String> {
        self.files.iter().find_map(|(path, ours)| {
            let what = match file_id(path) {
                Ok(there) if there == *ours => return None,
                Ok(_) => "another file has its name now, as after a copy was put back".to_owned(),
                Err(error) if error.kind() == ErrorKind::NotFound => "it was moved away or removed".to_owned(),
                Err(error) => format!("it can't be looked at: {error}"),
            };
            Some(format!(
                "{} is not the file that this process has open: {what}. Nothing is read from the old one or written into \
                 it: put it back in its place, or restart this process",
                path.display()
            ))
        })
    }

    /// Why the store could not be opened again; none: it could.
    pub(super) fn key(&self) -> Option<String> {
        let why = match files::key(&self.key_file) {
            Ok(Some(key)) if key.id() == self.key_id => return None,
            Ok(Some(_)) => format!("the key {} is another one now", self.key_file.display()),
            Ok(None) => format!("the key {} is gone", self.key_file.display()),
            Err(error) => match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        };
        Some(format!(
            "{why}. This process goes on with the one that it read; no other could open the database: put it back"
        ))
    }

    /// Refuses to go on with what is lost.
    pub(super) fn check(&self) -> Result<(), DatabaseError> {
        self.database().map_or(Ok(()), |why| Err(DatabaseError::Unavailable(why.into())))
    }
}

fn file_id(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|about| (about.dev(), about.ino()))
}
