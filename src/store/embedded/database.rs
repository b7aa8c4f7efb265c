//! Makes and opens the database file.
//!
//! A new database is made whole under another name and then given its own: whatever bears the name is
//! complete, so that an empty or cut file is damage, and never taken for a first start.

use std::path::Path;

use rand::{TryRng, rngs::SysRng};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, config::DbConfig, params};

use super::{
    error::{DatabaseError, OpenError},
    files,
    open_files::OpenFiles,
    options::Options,
    seal::{Bound, Key, Sealer},
    time::{Anchor, Time},
};

const FILE: &str = "crossfade.db";
const FORMAT: i64 = 1;
/// "cfde": tells our files from other programs' (`file`, SQLite's own tools).
const APPLICATION: i64 = 0x6366_6465;
/// The first release without the WAL-reset bug, by which a checkpoint could corrupt the database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Of SQLite's pages, in KiB, as it wants to be told: below zero. By itself it keeps four times as much.
const CACHE_KIB: i64 = -512;

const SCHEMA: &str = "
    CREATE TABLE identity (
        one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, database BLOB NOT NULL,
        key_id BLOB NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    CREATE TABLE clock (
        one INTEGER PRIMARY KEY CHECK (one = 1), boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL,
        store_ms INTEGER NOT NULL, highest_ms INTEGER NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY, revision INTEGER NOT NULL, paused_ms INTEGER, kept_ms INTEGER,
        seal BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE versions (
        secret TEXT NOT NULL, id TEXT NOT NULL, stage TEXT NOT NULL, since INTEGER NOT NULL,
        created_ms INTEGER NOT NULL, deadline_ms INTEGER, ended_ms INTEGER, note_ms INTEGER,
        value BLOB NOT NULL, PRIMARY KEY (secret, id)
    ) STRICT, WITHOUT ROWID;
";

/// What is open.
pub(super) struct Open {
    /// For steps.
    pub(super) writes: Connection,
    /// For reads alone, which so never wait for a write.
    pub(super) reads: Connection,
    pub(super) sealer: Sealer,
    pub(super) open_files: OpenFiles,
}

/// Whether there is a database in that directory, be it sound or not. Where we may not look, there may well be one:
/// whoever opens it hears why that fails.
pub(super) fn exists(directory: &Path) -> bool {
    directory.join(FILE).try_exists().unwrap_or(true)
}

/// Opens the database in that directory; makes what is missing, where that is asked for.
pub(super) fn open(
    directory: &Path,
    key_file: &Path,
    time: &Time,
    options: &Options,
) -> Result<Open, OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::SqliteTooOld(rusqlite::version()));
    }
    let path = directory.join(FILE);
    if !options.create && !exists(directory) {
        return Err(OpenError::Missing(path));
    }
    files::directory(directory, options.create)?;
    if !files::is_there(&path)? {
        let _lock = files::lock(directory)?;
        // Another process may have been first.
        if !files::is_there(&path)? {
            create(&path, key_file, time)?;
        }
    }
    for suffix in ["-wal", "-shm"] {
        files::is_there(&files::beside(&path, suffix))?;
    }
    let missing = || OpenError::KeyMissing { key: key_file.to_owned(), database: path.clone() };
    let key = files::key(key_file)?.ok_or_else(missing)?;
    let failed = |error: DatabaseError| error.while_opening(&path);
    let writes = connect(&path, options).map_err(failed)?;
    check(&writes).map_err(failed)?;
    let sealer = identify(&writes, &key, key_file, &path)?;
    Anchor::load(&writes, &sealer).map_err(failed)?;
    // Not before here: this can change the file, and it might not have been ours.
    write_ahead(&writes).map_err(failed)?;
    let reads = connect(&path, options).map_err(failed)?;
    reads.pragma_update(None, "query_only", "ON").map_err(|error| failed(error.into()))?;
    let open_files = OpenFiles::new(&path, key_file, &key);
    Ok(Open { writes, reads, sealer, open_files })
}

/// Makes a complete database. The key comes first: a database without one could not be opened again.
fn create(path: &Path, key_file: &Path, time: &Time) -> Result<(), OpenError> {
    if files::is_there(&files::beside(path, "-wal"))? {
        // SQLite would play the old log into the new file.
        let source = "the database is missing, and its log (…-wal) is there".into();
        return Err(OpenError::Damaged { path: path.to_owned(), source });
    }
    let key = files::key(key_file)?.map_or_else(|| files::make_key(key_file), Ok)?;
    let unfinished = files::beside(path, ".new");
    for left in ["-journal", "-wal", "-shm", ""] {
        files::remove(&files::beside(&unfinished, left))?;
    }
    let file = files::create_new(&unfinished)?;
    fill(&unfinished, &key, time).map_err(|error| error.while_opening(&unfinished))?;
    file.sync_all().map_err(files::io_error("sync", &unfinished))?;
    std::fs::rename(&unfinished, path).map_err(files::io_error("name", path))?;
    files::sync_directory_of(path)
}

fn fill(path: &Path, key: &Key, time: &Time) -> Result<(), DatabaseError> {
    let mut database = [0; 16];
    SysRng.try_fill_bytes(&mut database).map_err(DatabaseError::randomness)?;
    let sealer = Sealer::new(key, &database)?;
    let mut connection = Connection::open_with_flags(path, flags())?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    let seal = sealer.sign(identity(FORMAT))?;
    let row = params![FORMAT, database, key.id(), seal];
    transaction
        .execute("INSERT INTO identity (one, format, database, key_id, seal) VALUES (1, ?, ?, ?, ?)", row)?;
    Anchor::first(time).save(&transaction, &sealer)?;
    transaction.commit()?;
    // Once the content is in the file itself: a log beside it would not follow when it is renamed.
    write_ahead(&connection)?;
    connection.close().map_err(|(_, error)| error.into())
}

fn connect(path: &Path, options: &Options) -> Result<Connection, DatabaseError> {
    let connection = Connection::open_with_flags(path, flags())?;
    connection.busy_timeout(options.patience)?;
    // Whoever can write the file, but has no key, gets no code of theirs to run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    // Secrets are read in turns, and not again until the next: more would be kept for nothing.
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), DatabaseError> {
    let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check == "ok" { Ok(()) } else { Err(DatabaseError::Damaged(check.into())) }
}

fn write_ahead(connection: &Connection) -> Result<(), DatabaseError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(DatabaseError::Unavailable(format!("the disk can't do write-ahead logs (mode {mode})").into()))
}

/// Whether it is one of ours, and this is its key.
fn identify(connection: &Connection, key: &Key, key_file: &Path, path: &Path) -> Result<Sealer, OpenError> {
    let failed = |error: DatabaseError| error.while_opening(path);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(|e| failed(e.into()))?;
    let found = pragma("user_version").map_err(|e| failed(e.into()))?;
    if application != APPLICATION {
        return Err(failed(DatabaseError::Damaged("it is not a database of Crossfade's".into())));
    }
    if found > FORMAT {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    let columns = |row: &rusqlite::Row<'_>| {
        let format: i64 = row.get("format")?;
        let [database, key_id, seal] = ["database", "key_id", "seal"].map(|c| row.get::<_, Vec<u8>>(c));
        Ok((format, database?, key_id?, seal?))
    };
    let row = connection.query_row("SELECT * FROM identity WHERE one = 1", [], columns).optional();
    let damaged = || failed(DatabaseError::damaged("the database's own record"));
    let (format, database, key_id, seal) = row.map_err(|e| failed(e.into()))?.ok_or_else(damaged)?;
    let sealer = Sealer::new(key, &database).map_err(failed)?;
    match (sealer.vouches_for(identity(format), &seal), key_id == key.id()) {
        (true, true) if format == found => Ok(sealer),
        (false, false) => Err(OpenError::WrongKey { key: key_file.to_owned(), database: path.to_owned() }),
        _ => Err(damaged()),
    }
}

fn identity(format: i64) -> Bound {
    Bound::to("identity").number(format.cast_unsigned())
}

/// Neither makes a file nor reads a path as a URI; each connection is behind a lock of ours.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn every_commit_is_synced_and_what_is_deleted_is_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let time = Time::new(std::sync::Arc::new(SystemClock), None).expect("a boot id");
        let Open { writes: connection, reads, .. } =
            open(directory.path(), &directory.path().join("key"), &time, &Options::default())
                .expect("it opens");
        assert!(reads.execute("DELETE FROM secrets", []).is_err(), "what reads writes nothing");
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        // 2 is FULL: the log is synced before a commit returns.
        assert_eq!(pragma("synchronous"), Ok(2));
        assert_eq!(pragma("secure_delete"), Ok(1));
        assert_eq!(pragma("busy_timeout"), Ok(5_000));
        let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        assert_eq!(mode.as_deref(), Ok("wal"));
    }
}
