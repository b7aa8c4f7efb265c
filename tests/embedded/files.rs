//! The directory, its files, and the key.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use crossfade::{
    rotation::plan::Step,
    store::embedded::{Embedded, OpenError},
};
use tempfile::{TempDir, tempdir};

use crate::embedded::{DATABASE, does, message, new_year, open, read, ring};

/// Every file and what it holds.
pub fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A store with one version, closed.
pub async fn closed_store() -> TempDir {
    let directory = tempdir().unwrap();
    does(&open(directory.path(), new_year()).unwrap(), Step::Create).await;
    directory
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// It does not open, and nothing has changed.
fn refused(directory: &Path) -> OpenError {
    let before = contents(directory);
    let error = open(directory, new_year()).expect_err("it is refused");
    assert!(contents(directory) == before, "something was changed");
    error
}

#[tokio::test]
async fn the_directory_and_all_files_are_ours_alone() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("data");
    let store = open(&directory, new_year()).unwrap();
    does(&store, Step::Create).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = contents(&directory).into_keys().collect();
    assert!(files.len() >= 4, "the database, its log, its shared memory, the key: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_missing_key_beside_a_database_stops_the_start() {
    let directory = closed_store().await;
    fs::rename(directory.path().join("key"), directory.path().join("elsewhere")).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::KeyMissing { .. }), "{error:?}");
    fs::rename(directory.path().join("elsewhere"), directory.path().join("key")).unwrap();
    ring(&open(directory.path(), new_year()).unwrap()).await;
}

#[tokio::test]
async fn a_wrong_key_is_told_apart_from_damage() {
    let directory = closed_store().await;
    fs::write(directory.path().join("key"), [7; 32]).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error:?}");
}

#[tokio::test]
async fn a_key_of_another_length_is_refused() {
    let directory = closed_store().await;
    for length in [0, 31, 33] {
        fs::write(directory.path().join("key"), vec![7; length]).unwrap();
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::NotAKey { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_that_others_can_read_or_write_is_refused() {
    let directory = closed_store().await;
    for mode in [0o604, 0o602] {
        chmod(&directory.path().join("key"), mode);
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Unsafe { .. }), "{mode:o}: {error:?}");
        assert!(message(&error).contains("chmod go="), "{error}");
    }
}

/// As Kubernetes and systemd hand files out.
#[tokio::test]
async fn what_a_group_of_ours_may_read_or_write_is_taken_and_what_another_may_is_refused() {
    let directory = closed_store().await;
    for (name, mode) in [("key", 0o640), ("key", 0o660), (DATABASE, 0o660), (".", 0o2770)] {
        let path = directory.path().join(name);
        let before = fs::metadata(&path).unwrap().permissions();
        chmod(&path, mode);
        drop(
            open(directory.path(), new_year()).unwrap_or_else(|e| panic!("{name} {mode:o}: {}", message(&e))),
        );
        if rustix::process::geteuid().is_root() {
            chown(&path, None, Some(12_345)).unwrap();
            let error = refused(directory.path());
            assert!(matches!(error, OpenError::Unsafe { .. }), "{name} {mode:o}: {error:?}");
            assert!(message(&error).contains("group 12345, which is none of ours"), "{error}");
            chown(&path, None, Some(0)).unwrap();
        }
        fs::set_permissions(path, before).unwrap();
    }
}

#[tokio::test]
async fn what_others_could_change_is_refused() {
    let directory = closed_store().await;
    for (path, mode) in [(directory.path().to_owned(), 0o772), (directory.path().join(DATABASE), 0o602)] {
        let before = fs::metadata(&path).unwrap().permissions();
        chmod(&path, mode);
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Unsafe { .. }), "{path:?}: {error:?}");
        fs::set_permissions(path, before).unwrap();
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give files away.
    }
    for name in ["key", DATABASE, "."] {
        let directory = closed_store().await;
        chown(directory.path().join(name), Some(12_345), None).unwrap();
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Unsafe { .. }), "{name}: {error:?}");
        assert!(message(&error).contains("12345"), "{error}");
    }
}

#[tokio::test]
async fn the_key_may_lie_elsewhere_and_an_old_one_is_never_replaced() {
    let (data, keys) = (tempdir().unwrap(), tempdir().unwrap());
    let key = keys.path().join("key");
    fs::write(&key, [9; 32]).unwrap();
    chmod(&key, 0o600);
    let store = Embedded::open(data.path(), &key, new_year()).unwrap();
    does(&store, Step::Create).await;
    assert_eq!(fs::read(&key).unwrap(), [9; 32]);
    assert!(!data.path().join("key").exists());
}

#[tokio::test]
async fn whoever_has_no_business_to_make_a_database_makes_nothing() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("data");
    let error = Embedded::open_existing(&directory, &directory.join("key"), new_year()).unwrap_err();
    assert!(matches!(error, OpenError::Missing(_)), "{error:?}");
    assert!(!directory.exists());
    drop(open(&directory, new_year()).unwrap());
    Embedded::open_existing(&directory, &directory.join("key"), new_year()).unwrap();
}

#[tokio::test]
async fn first_starts_at_once_make_one_database() {
    let directory = tempdir().unwrap();
    let path = directory.path();
    let stores: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| open(path, new_year()).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let made = does(&stores[0], Step::Create).await;
    for store in &stores {
        assert_eq!(read(store).await.ring.as_ref(), Some(&made));
    }
}

#[tokio::test]
async fn what_a_crashed_first_start_left_is_no_obstacle() {
    let directory = tempdir().unwrap();
    for name in ["key.new", "crossfade.db.new", "crossfade.db.new-journal"] {
        fs::write(directory.path().join(name), "half").unwrap();
    }
    does(&open(directory.path(), new_year()).unwrap(), Step::Create).await;
    let left: Vec<_> = contents(directory.path()).into_keys().collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains(".new")), "{left:?}");
}

#[tokio::test]
async fn a_log_without_its_database_is_not_played_into_a_new_one() {
    let directory = closed_store().await;
    fs::rename(directory.path().join(DATABASE), directory.path().join("crossfade.db-wal")).unwrap();
    let before = contents(directory.path());
    let error = open(directory.path(), new_year()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    let mut after = contents(directory.path());
    after.remove(&directory.path().join("lock"));
    assert!(before.iter().all(|(path, bytes)| path.ends_with("lock") || after.get(path) == Some(bytes)));
}
