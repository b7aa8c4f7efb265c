//! What can go wrong: what failed, why, and what to do.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;

use super::super::{Cause, ReadError, WriteError};

/// Why the store can't be opened. Nothing was written over.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused something.
    #[error("can't {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        #[source]
        source: io::Error,
    },
    /// Somebody else could change or read what only we may.
    #[error("{path} is not safe to use: {why}")]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The database can't be read without its key.
    #[error(
        "the key {key} is missing, and the database {database} is sealed with it: put the key back from \
         your backup (a new key could open nothing; to begin anew, move the database away)"
    )]
    KeyMissing {
        /// Where the key was looked for.
        key: PathBuf,
        /// What it would open.
        database: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("{path} is not a key: it holds {length} bytes, a key has 32. Put the key back from your backup")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
    },
    /// The database is sealed with another key.
    #[error("the key {key} is not the one that {database} is sealed with: put the right key there")]
    WrongKey {
        /// The file.
        key: PathBuf,
        /// What it does not open.
        database: PathBuf,
    },
    /// There is no database, and it was not asked to make one.
    #[error("there is no database {0}: start the daemon once, or look at `store.path` in the config")]
    Missing(PathBuf),
    /// The file is not one of ours, was cut, or was edited.
    #[error("the database {path} is damaged, and was left as it is: put it back from your backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        #[source]
        source: Cause,
    },
    /// Made by a later release.
    #[error("the database {path} has format {found}, and this release knows {known}: use a newer release")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite could lose what it has written.
    #[error("SQLite {0} can corrupt a database in WAL mode; 3.51.3 or later is needed")]
    SqliteTooOld(&'static str),
    /// For now: locked for too long, a full disk, a read-only one.
    #[error("the database {path} can't be opened right now")]
    Unavailable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// Why a transaction did nothing, or may have done nothing.
#[derive(Debug)]
pub(super) enum DatabaseError {
    /// The state is not the one that was seen.
    Conflict,
    /// For now.
    Unavailable(Cause),
    /// What is stored is not believed.
    Damaged(Cause),
    /// It can't be done, however often it is tried.
    Rejected(Cause),
}

impl DatabaseError {
    pub(super) fn stopping() -> Self {
        Self::Unavailable("the process is stopping".into())
    }

    pub(super) fn crypto() -> Self {
        Self::Unavailable("the cryptographic library failed; nothing was written".into())
    }

    pub(super) fn randomness(error: rand::rngs::SysError) -> Self {
        Self::Unavailable(Box::new(error))
    }

    pub(super) fn damaged(what: &str) -> Self {
        let advice =
            "was edited, or is damaged; it was left as it is: put the database back from your backup";
        Self::Damaged(format!("{what} {advice}").into())
    }

    pub(super) fn while_opening(self, path: &std::path::Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Damaged(source) => OpenError::Damaged { path, source },
            Self::Unavailable(source) | Self::Rejected(source) => OpenError::Unavailable { path, source },
            Self::Conflict => OpenError::Unavailable { path, source: "another process changed it".into() },
        }
    }
}

/// An answer of SQLite's, with what to do.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
struct SqliteError {
    advice: &'static str,
    #[source]
    source: rusqlite::Error,
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(source: rusqlite::Error) -> Self {
        use ErrorCode as E;
        use rusqlite::Error as R;
        let (damaged, advice) = match (source.sqlite_error_code(), &source) {
            (Some(E::DiskFull), _) => (false, "the disk is full: make room"),
            (Some(E::ReadOnly), _) => (
                false,
                "the database is read-only: look at how the disk is mounted, and at whose the files are",
            ),
            (Some(E::DatabaseBusy | E::DatabaseLocked), _) => {
                (false, "another process holds the database's lock: see which one, should it not go away")
            }
            (Some(E::CannotOpen | E::PermissionDenied), _) => {
                (false, "the database's files can't be opened: see that they are there, and ours")
            }
            (Some(E::NotADatabase | E::DatabaseCorrupt), _) => {
                (true, "the database file is damaged; it was left as it is: put it back from your backup")
            }
            // A table or column that is missing, or holds another type than it can.
            (Some(E::Unknown), _) | (None, R::InvalidColumnType(..) | R::FromSqlConversionFailure(..)) => {
                (true, "the database does not have the form that it was given: put it back from your backup")
            }
            _ => (false, "the disk does not do what it was asked to: look at the system's log"),
        };
        let error = Box::new(SqliteError { advice, source });
        if damaged { Self::Damaged(error) } else { Self::Unavailable(error) }
    }
}

impl From<DatabaseError> for ReadError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Damaged(cause) => Self::Damaged(cause),
            DatabaseError::Unavailable(cause) | DatabaseError::Rejected(cause) => Self::Unavailable(cause),
            DatabaseError::Conflict => Self::Unavailable("the store has changed while it was read".into()),
        }
    }
}

impl From<DatabaseError> for WriteError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Conflict => Self::Conflict,
            DatabaseError::Unavailable(cause) => Self::Unavailable(cause),
            // A record that can't be believed is not written over either.
            DatabaseError::Damaged(cause) | DatabaseError::Rejected(cause) => Self::Rejected(cause),
        }
    }
}
