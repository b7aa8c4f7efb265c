//! The embedded store: one crash-safe SQLite database in a directory of ours.
//!
//! A step is one transaction, decided on the state that the same transaction read; what it does to a
//! secret's versions is [`memory::after`](super::memory::after) and nothing else. Any number of
//! processes of one machine can work on it at once (the daemon, and commands beside it). It is not
//! for network file systems: its log needs memory that all of its users share.
//!
//! | module | what it does |
//! |---|---|
//! | `files` | directories, permissions, the key file |
//! | `database` | makes and opens the database |
//! | `held` | whether what is open still bears its names |
//! | `seal` | seals records, so that an edited row is refused |
//! | `time` | the store's clock |
//! | `record` | one secret's rows |
//! | `step` | the transactions |
//! | `fault` | what can go wrong, and what to do about it |

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex as Shared, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{ReadError, Reading, Secret, Store, WriteError};
use crate::{
    clock::Clock,
    rotation::{
        plan::Step,
        policy::{Notes, StoreTraits},
        ring::VersionId,
    },
    time::Interval,
    token::{Reveal, RevealError, Token},
};

mod database;
mod fault;
mod files;
mod held;
mod record;
mod seal;
mod step;
mod time;

use fault::Fault;
pub use fault::OpenError;

/// What the rules have to allow for: nothing is late, and a promotion bears its deadline.
pub const TRAITS: StoreTraits = StoreTraits {
    store_lag: Duration::ZERO,
    write_lag: Duration::ZERO,
    notes: Notes::WithPromotion,
    creates: true,
};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the directory, the key and the database are made where they are missing.
    pub create: bool,
    /// Which boot of the machine this is; none: as the kernel says.
    pub boot_id: Option<String>,
    /// How long another process may hold the lock before a step gives up.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { create: true, boot_id: None, patience: Duration::from_secs(5) }
    }
}

/// A database of secrets.
pub struct Embedded {
    desk: Arc<Desk>,
    /// One call at a time waits for the disk; the others wait here, without a thread each.
    turn: Arc<Semaphore>,
}

/// What every transaction needs.
struct Desk {
    connection: Shared<Connection>,
    sealer: seal::Sealer,
    held: held::Held,
    time: time::Time,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the database in the directory `path`; makes what is missing. It blocks: call it before
    /// anything else runs.
    pub fn open(path: &Path, key_file: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(path, key_file, clock, Options::default())
    }

    /// Whether there is a database in the directory `path`.
    pub fn exists(path: &Path) -> bool {
        database::exists(path)
    }

    /// The same as [`Self::open`], for whoever has no business to make a database.
    pub fn open_existing(path: &Path, key_file: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(path, key_file, clock, Options { create: false, ..Options::default() })
    }

    /// The same, with every option.
    pub fn open_with(
        path: &Path,
        key_file: &Path,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let time = time::Time::new(clock, options.boot_id.clone())?;
        let (connection, sealer, held) = database::open(path, key_file, &time, &options)?;
        let desk = Desk { connection: Shared::new(connection), sealer, held, time };
        Ok(Self { desk: Arc::new(desk), turn: Arc::new(Semaphore::new(1)) })
    }

    /// Why steps are refused although the disk works: the database's files are no longer those that are open.
    pub fn database_trouble(&self) -> Option<String> {
        self.desk.held.database()
    }

    /// Why the database could not be opened again with what stands in the key file now.
    pub fn key_trouble(&self) -> Option<String> {
        self.desk.held.key()
    }

    /// Runs one transaction off the async threads. It is carried through even where its caller goes.
    async fn at_the_desk<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection, &Desk) -> Result<T, Fault> + Send + 'static,
    {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| Fault::stopping())?;
        let desk = Arc::clone(&self.desk);
        let job = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = desk.connection.lock().unwrap_or_else(PoisonError::into_inner);
            desk.held.check()?;
            let done = work(&mut connection, &desk)?;
            // Moved meanwhile: it may be lost.
            desk.held.check()?;
            Ok(done)
        });
        job.await.unwrap_or_else(|_| Err(Fault::stopping()))
    }
}

#[async_trait]
impl Store for Embedded {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        let name = Arc::clone(&secret.name);
        let read = self.at_the_desk(move |connection, desk| {
            let (record, now) = step::read(connection, desk, &name)?;
            let revision = record.as_ref().map_or(0, |record| record.revision);
            let ring = record.map(|record| record.ring()).transpose()?;
            Ok(Reading { ring, now: Interval::exactly(now), revision, unread: None })
        });
        Ok(read.await?)
    }

    async fn apply(
        &self,
        secret: &Secret,
        step: &Step,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        let (secret, step, seen) = (secret.clone(), *step, seen.revision);
        let applied =
            self.at_the_desk(move |connection, desk| step::apply(connection, desk, &secret, &step, seen));
        Ok(applied.await?)
    }
}

#[async_trait]
impl Reveal for Embedded {
    async fn reveal(&self, secret: &str) -> Result<(VersionId, Token), RevealError> {
        let name: Arc<str> = secret.into();
        let read = self.at_the_desk(move |connection, desk| {
            let (record, _) = step::read(connection, desk, &name)?;
            record.map(record::Record::into_current).transpose()
        });
        let current =
            read.await.map_err(|fault| RevealError::Unreadable(Box::new(ReadError::from(fault))))?;
        current.ok_or(RevealError::NoSuchSecret)
    }
}
