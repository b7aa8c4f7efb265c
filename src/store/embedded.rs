//! The embedded store: one crash-safe SQLite database in a directory of ours.
//!
//! A step is one transaction, decided on the state that the same transaction read; what it does to a
//! secret's versions is [`after`](crate::rotation::transition::after) and nothing else. Any number of
//! processes of one machine can work on it at once (the daemon, and commands beside it). It is not
//! for network file systems: its log needs memory that all of its users share.
//!
//! | module | what it does |
//! |---|---|
//! | `files` | directories, permissions, the key file |
//! | `database` | makes and opens the database |
//! | `open_files` | whether what is open still bears its names |
//! | `seal` | seals records, so that an edited row is refused |
//! | `time` | the store's clock |
//! | `record` | one secret's rows |
//! | `step` | the transactions |
//! | `options` | how it is opened, and what the rules allow for |
//! | `error` | what can go wrong, and what to do about it |

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex as Shared, PoisonError},
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    ReadError, Reading, Secret, Store, Versions, WriteError,
    proof::{Proof, ProofVerdict, Prove},
};
use crate::{
    clock::Clock,
    rotation::{plan::Decided, ring::VersionId},
    time::{Interval, Timestamp},
    token::{Reveal, RevealError, Token},
};

mod database;
mod error;
mod files;
mod open_files;
mod options;
mod record;
mod seal;
mod step;
mod time;

use error::DatabaseError;
pub use error::OpenError;
pub use options::{LIMITS, Options, TRAITS};
use record::Record;
use step::TransactionContext;

/// A database of secrets. A clone is another handle on the same one.
///
/// Reads and writes have a connection and a turn each: a write that waits for the disk, or for another process, keeps no
/// view from being read (SQLite's log lets both go on). In each lane one call at a time has a thread; the others wait
/// without one, in their order. What can wait is bounded by who asks: an engine for each secret, one call at a time.
/// Hand-outs of tokens take turns among themselves first, so that before a read there is one of them at most, however
/// many callers wait. So no more than three threads of the pool are ever taken.
#[derive(Clone)]
pub struct Embedded {
    context: Arc<TransactionContext>,
    reads: Lane,
    writes: Lane,
    hand_outs: Arc<Semaphore>,
}

/// A connection, and whose turn it is.
#[derive(Clone)]
struct Lane {
    connection: Arc<Shared<Connection>>,
    turn: Arc<Semaphore>,
}

impl Lane {
    fn new(connection: Connection) -> Self {
        Self { connection: Arc::new(Shared::new(connection)), turn: Arc::new(Semaphore::new(1)) }
    }
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
        let database::Open { writes, reads, sealer, open_files } =
            database::open(path, key_file, &time, &options)?;
        Ok(Self {
            context: Arc::new(TransactionContext { sealer, open_files, time }),
            reads: Lane::new(reads),
            writes: Lane::new(writes),
            hand_outs: Arc::new(Semaphore::new(1)),
        })
    }

    /// Why steps are refused although the disk works: the database's files are no longer those that are open.
    pub fn database_problem(&self) -> Option<String> {
        self.context.open_files.database()
    }

    /// Why the database could not be opened again with what stands in the key file now.
    pub fn key_problem(&self) -> Option<String> {
        self.context.open_files.key()
    }

    /// Runs one transaction off the async threads. It is carried through even where its caller goes.
    async fn run<T, F>(&self, lane: &Lane, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection, &TransactionContext) -> Result<T, DatabaseError> + Send + 'static,
    {
        let turn = Arc::clone(&lane.turn).acquire_owned().await.map_err(|_| DatabaseError::stopping())?;
        let (context, connection) = (Arc::clone(&self.context), Arc::clone(&lane.connection));
        let job = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            context.open_files.check()?;
            let done = work(&mut connection, &context)?;
            // Moved meanwhile: it may be lost.
            context.open_files.check()?;
            Ok(done)
        });
        job.await.unwrap_or_else(|_| Err(DatabaseError::stopping()))
    }

    /// The secret as it stands, and the store's time.
    async fn read(&self, name: &Arc<str>) -> Result<(Option<Record>, Timestamp), DatabaseError> {
        let read = |name: Arc<str>| {
            self.run(&self.reads, move |connection, context| step::read(connection, context, &name))
        };
        let mut seen = read(Arc::clone(name)).await?;
        if seen.now.is_none() {
            // The first to read after a reboot: where the clock goes on has to stand for everybody.
            self.run(&self.writes, step::note_time).await?;
            seen = read(Arc::clone(name)).await?;
        }
        let now = seen
            .now
            .ok_or_else(|| DatabaseError::Unavailable("two boots work on the database at once".into()))?;
        self.note_time(&seen.anchor, now);
        Ok((seen.record, now))
    }

    /// Writes the store's time down, where it is due and nothing else is being written: beside the reads, which never
    /// wait for it. Each step writes it too.
    fn note_time(&self, anchor: &time::Anchor, now: Timestamp) {
        let Ok(turn) = Arc::clone(&self.writes.turn).try_acquire_owned() else { return };
        if !self.context.time.should_note(anchor, now) {
            return;
        }
        let (context, connection) = (Arc::clone(&self.context), Arc::clone(&self.writes.connection));
        drop(tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let noted = context.open_files.check().and_then(|()| step::note_time(&mut connection, &context));
            if let Err(error) = noted {
                tracing::warn!(fault = ?error, "the store's time could not be written; reads go on");
            }
        }));
    }
}

impl Store for Embedded {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        Box::new(Handle { database: self.clone(), secret, revision: 0 })
    }
}

/// One secret of the database.
struct Handle {
    database: Embedded,
    secret: Secret,
    /// Of the last read; 0: there was no such secret, or it was not read yet.
    revision: u64,
}

#[async_trait]
impl Versions for Handle {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let (record, now) = self.database.read(&self.secret.name).await?;
        let ring = record.as_ref().map(Record::ring).transpose()?;
        self.revision = record.map_or(0, |record| record.revision);
        Ok(Reading { ring, now: Interval::exactly(now), unread: None })
    }

    async fn apply(&mut self, Decided { step, .. }: &Decided) -> Result<Option<VersionId>, WriteError> {
        let (secret, step, seen) = (self.secret.clone(), *step, self.revision);
        let applied = self.database.run(&self.database.writes, move |connection, context| {
            step::apply(connection, context, &secret, &step, seen)
        });
        Ok(applied.await?)
    }
}

/// It has no rights to prove but those to its files.
#[async_trait]
impl Prove for Embedded {
    async fn prove(&self, secret: &Secret) -> Vec<Proof> {
        let Err(error) = self.secret(secret.clone()).read().await else { return vec![Proof::proved("read")] };
        let verdict = match error {
            ReadError::Denied(_) | ReadError::Misconfigured(_) => ProofVerdict::Denied,
            _ => ProofVerdict::Failed,
        };
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        vec![Proof::not("read", verdict, format!("{error}{cause}"))]
    }
}

#[async_trait]
impl Reveal<Secret> for Embedded {
    async fn reveal(&self, secret: &Secret) -> Result<(VersionId, Token), RevealError> {
        let unreadable = |error| RevealError::Unreadable(Box::new(ReadError::from(error)));
        let first = Arc::clone(&self.hand_outs).acquire_owned().await;
        let first = first.map_err(|_| unreadable(DatabaseError::stopping()))?;
        let name = Arc::clone(&secret.name);
        let read = self.run(&self.reads, move |connection, context| {
            // Until it is read, also where whoever wanted it has gone.
            let _first = first;
            let record = step::read(connection, context, &name)?.record;
            record.map(Record::into_current).transpose()
        });
        read.await.map_err(unreadable)?.ok_or(RevealError::NoSuchSecret)
    }
}
