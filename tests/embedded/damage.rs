//! Edited rows and cut files: refused, and left as they are.

use std::{fs, path::Path};

use crossfade::{
    rotation::plan::{Step, Why},
    store::{ReadError, Secret, Store as _, WriteError, embedded::OpenError},
};
use rusqlite::{Connection, types::Value};
use tempfile::{TempDir, tempdir};

use crate::embedded::{
    DATABASE, HOUR, does, message, new_year, open, read, ring, rotates, secret, sqlite, stages,
};
use crate::files::closed_store;
use crossfade_testing_store::HandClock;

/// A store with a row of every kind, closed; the connection that keeps it from being tidied up is gone.
async fn full_store() -> TempDir {
    let directory = tempdir().unwrap();
    let store = open(directory.path(), new_year()).unwrap();
    does(&store, Step::Create).await;
    rotates(&store).await;
    let first = rotates(&store).await.previous[0].version.id;
    let dropped = stages(&store).await.pending.unwrap().id;
    does(&store, Step::Drop { pending: dropped }).await;
    let ring = stages(&store).await;
    let until = read(&store).await.now.latest + HOUR;
    does(&store, Step::Note { version: ring.current.id, until }).await;
    does(&store, Step::End { version: first }).await;
    does(&store, Step::Pause { current: ring.current.id }).await;
    does(&store, Step::Keep { current: ring.current.id }).await;
    directory
}

fn copy(from: &Path) -> TempDir {
    let directory = tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    directory
}

/// Every value that could pass for the one that stands there.
fn others(value: &Value, column: &str) -> Vec<Value> {
    match value {
        Value::Null => vec![Value::Integer(0), Value::Integer(i64::MAX)],
        Value::Integer(n) if column.ends_with("_ms") => {
            vec![Value::Integer(n + 1), Value::Integer(n - 1), Value::Integer(i64::MAX), Value::Null]
        }
        Value::Integer(n) => vec![Value::Integer(n + 1), Value::Integer(n - 1)],
        Value::Text(text) if column == "stage" => {
            let stages = ["current", "pending", "previous", "gone", "CURRENT", ""];
            stages.iter().filter(|s| *s != text).map(|s| Value::Text((*s).to_owned())).collect()
        }
        Value::Text(text) => [format!("{text} "), text.to_uppercase(), text[1..].to_owned()]
            .into_iter()
            .filter(|other| other != text)
            .map(Value::Text)
            .collect(),
        Value::Blob(bytes) => {
            let flipped = |at: usize| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1;
                Value::Blob(bytes)
            };
            let last = bytes.len() - 1;
            vec![
                flipped(0),
                flipped(last / 2),
                flipped(last),
                Value::Blob(bytes[..last].to_vec()),
                Value::Blob(vec![]),
            ]
        }
        Value::Real(_) => unreachable!("no such column"),
    }
}

/// Reading the secret fails for damage, and so does writing it; the file stays as it was edited.
async fn is_refused(directory: &Path, what: &str) {
    let before = sums(directory);
    match open(directory, new_year()) {
        Err(OpenError::Damaged { .. }) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(store) => {
            let mut versions = store.secret(secret());
            let error = versions.read().await.expect_err(what);
            assert!(matches!(error, ReadError::Damaged(_)), "{what}: {error:?}");
            let error = versions.apply(&Step::Create.because(Why::Missing)).await.expect_err(what);
            assert!(matches!(error, WriteError::Rejected(_)), "{what}: {error:?}");
        }
    }
    assert_eq!(sums(directory), before, "{what}: something was written");
}

fn tables(database: &Connection) -> Vec<String> {
    let mut query = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

type Rows = Vec<(Vec<String>, Vec<Value>)>;

fn rows(database: &Connection, table: &str) -> Rows {
    let mut query = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
    let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|i| row.get(i)).collect::<Result<Vec<_>, _>>();
    query.query_map([], row).unwrap().map(|row| (columns.clone(), row.unwrap())).collect()
}

fn sums(directory: &Path) -> Vec<Rows> {
    let database = sqlite(directory);
    tables(&database).iter().map(|table| rows(&database, table)).collect()
}

/// A condition that finds that row by all that it holds.
fn this_row(columns: &[String]) -> String {
    let conditions = columns.iter().enumerate().map(|(i, column)| format!("{column} IS ?{}", i + 1));
    conditions.collect::<Vec<_>>().join(" AND ")
}

#[tokio::test]
async fn each_single_edited_column_is_refused() {
    let original = full_store().await;
    let database = sqlite(original.path());
    let mut edits = 0;
    for table in tables(&database) {
        for (columns, row) in rows(&database, &table) {
            for (i, column) in columns.iter().enumerate() {
                for value in others(&row[i], column) {
                    let edited = copy(original.path());
                    let change = format!(
                        "UPDATE {table} SET {column} = ?{} WHERE {}",
                        row.len() + 1,
                        this_row(&columns)
                    );
                    let values: Vec<_> = row.iter().chain([&value]).collect();
                    let file = sqlite(edited.path());
                    file.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
                    // What the table itself does not take can't be edited so.
                    let Ok(1) = file.execute(&change, rusqlite::params_from_iter(values)) else { continue };
                    drop(file);
                    edits += 1;
                    is_refused(edited.path(), &format!("{table}.{column} = {value:?}, was {:?}", row[i]))
                        .await;
                }
            }
        }
    }
    assert!(edits > 100, "{edits}");
}

#[tokio::test]
async fn each_single_deleted_row_is_refused() {
    let original = full_store().await;
    let database = sqlite(original.path());
    for table in tables(&database) {
        for (columns, row) in rows(&database, &table) {
            let edited = copy(original.path());
            let delete = format!("DELETE FROM {table} WHERE {}", this_row(&columns));
            sqlite(edited.path()).execute(&delete, rusqlite::params_from_iter(&row)).unwrap();
            is_refused(edited.path(), &format!("a row of {table}: {row:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_row_that_is_put_back_as_it_was_is_refused() {
    let directory = tempdir().unwrap();
    let store = open(directory.path(), new_year()).unwrap();
    let first = does(&store, Step::Create).await.current.id;
    rotates(&store).await;
    let earlier = copy(directory.path());
    does(&store, Step::End { version: first }).await;
    drop(store);
    for (table, key) in [("versions", "id"), ("secrets", "name")] {
        let edited = copy(directory.path());
        let attach = format!("ATTACH '{}' AS earlier", earlier.path().join(DATABASE).display());
        let put = format!(
            "UPDATE {table} SET (REST) = (SELECT REST FROM earlier.{table} AS e WHERE e.{key} = {table}.{key})"
        );
        let rest = match table {
            "versions" => "stage, since, deadline_ms, ended_ms, note_ms, value",
            _ => "revision, paused_ms, kept_ms, seal",
        };
        let file = sqlite(edited.path());
        file.execute_batch(&format!("{attach}; {}", put.replace("REST", rest))).unwrap();
        drop(file);
        is_refused(edited.path(), table).await;
    }
}

#[tokio::test]
async fn values_that_change_places_are_refused() {
    let original = full_store().await;
    let swap = "UPDATE versions SET value = (SELECT value FROM versions AS o WHERE o.stage = 'pending') \
                WHERE stage = 'current'";
    sqlite(original.path()).execute(swap, []).unwrap();
    is_refused(original.path(), "another version's value").await;
}

#[tokio::test]
async fn a_damaged_secret_leaves_the_others_as_they_are() {
    let directory = closed_store().await;
    let other = Secret { name: "mcp/other".into(), ..secret() };
    let store = open(directory.path(), new_year()).unwrap();
    let mut versions = store.secret(other);
    versions.read().await.unwrap();
    versions.apply(&Step::Create.because(Why::Missing)).await.unwrap();
    sqlite(directory.path()).execute("UPDATE secrets SET revision = 9 WHERE name = 'mcp/other'", []).unwrap();
    assert!(matches!(versions.read().await, Err(ReadError::Damaged(_))));
    rotates(&store).await;
}

#[tokio::test]
async fn a_file_of_another_database_with_the_same_key_is_no_source_of_rows() {
    let directory = closed_store().await;
    let twin = tempdir().unwrap();
    fs::copy(directory.path().join("key"), twin.path().join("key")).unwrap();
    does(&open(twin.path(), new_year()).unwrap(), Step::Create).await;
    let file = sqlite(directory.path());
    let attach = format!("ATTACH '{}' AS twin", twin.path().join(DATABASE).display());
    let put =
        "REPLACE INTO versions SELECT * FROM twin.versions; REPLACE INTO secrets SELECT * FROM twin.secrets";
    file.execute_batch(&format!("{attach}; {put}")).unwrap();
    drop(file);
    is_refused(directory.path(), "a twin's rows").await;
}

#[tokio::test]
async fn a_cut_file_is_refused_and_left_as_it_is() {
    let original = full_store().await;
    let whole = fs::read(original.path().join(DATABASE)).unwrap();
    for length in [0, 1, 100, 4_096, 8_192, whole.len() / 2, whole.len() - 4_097, whole.len() - 4_096] {
        let cut = copy(original.path());
        fs::write(cut.path().join(DATABASE), &whole[..length]).unwrap();
        let error = open(cut.path(), new_year())
            .map(|_| ())
            .expect_err(&format!("cut to {length} of {}", whole.len()));
        assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error:?}");
        assert!(message(&error).contains("backup"), "{error}");
        assert!(fs::read(cut.path().join(DATABASE)).unwrap() == whole[..length], "{length}: it was changed");
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    for (content, what) in [(vec![b'x'; 9_000], "no database"), (another_program_s(), "another program's")] {
        let directory = closed_store().await;
        fs::write(directory.path().join(DATABASE), &content).unwrap();
        let error = open(directory.path(), new_year()).map(|_| ()).expect_err(what);
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error:?}");
        assert!(fs::read(directory.path().join(DATABASE)).unwrap() == content, "{what}: it was changed");
    }
}

fn another_program_s() -> Vec<u8> {
    let directory = tempdir().unwrap();
    sqlite(directory.path()).execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    fs::read(directory.path().join(DATABASE)).unwrap()
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused() {
    let directory = closed_store().await;
    sqlite(directory.path()).execute_batch("PRAGMA user_version = 2").unwrap();
    let error = open(directory.path(), new_year()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn code_that_was_put_into_the_database_does_not_run() {
    let directory = closed_store().await;
    let trigger = "CREATE TRIGGER t AFTER INSERT ON versions BEGIN UPDATE versions SET stage = 'gone'; END";
    sqlite(directory.path()).execute_batch(trigger).unwrap();
    let store = open(directory.path(), HandClock::at(2_000, 0)).unwrap();
    rotates(&store).await;
    assert_eq!(ring(&store).await.previous.len(), 1);
}
