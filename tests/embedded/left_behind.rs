//! A database of an earlier release is read as it was meant.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use crossfade::{
    rotation::ring::Ring,
    store::{Secret, Store as _, embedded::Embedded},
    time::Timestamp,
};
use crossfade_verify::Digest;
use tempfile::tempdir;

use crate::embedded::open_in_boot;
use crossfade_testing_store::HandClock;

/// The highest time that stands in it, so that the test says the same in every year.
const THEN: u64 = 1_796_076_542_385;

#[tokio::test]
async fn a_database_of_0_1_0_opens_with_its_key_and_says_what_it_said() {
    let left_behind = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0");
    let directory = tempdir().unwrap();
    for name in ["crossfade.db", "key"] {
        let path = directory.path().join(name);
        fs::copy(left_behind.join(name), &path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let tokens = fs::read(left_behind.join("tokens.json")).unwrap();
    let tokens: BTreeMap<String, String> = serde_json::from_slice(&tokens).unwrap();
    let digest = |name: &str| Digest::of(tokens[name].as_bytes());
    let store = open_in_boot(directory.path(), HandClock::at(1_000, THEN), "another boot").unwrap();

    let bot = ring(&store, "mcp/slack-bot-token").await;
    assert_eq!(bot.current.id.to_string(), "90509d87-17a4-53d2-8dac-ba9c6c43355d");
    assert_eq!((bot.current.digest, bot.current.ended), (digest("current"), None));
    let pending = bot.pending.expect("a pending version");
    assert_eq!(pending.id.to_string(), "f44b6e4a-1f51-54dd-b9b9-d1ab3f790ad0");
    assert_eq!(pending.created, Timestamp::from_millis(1_796_075_881_849));
    let [previous] = &*bot.previous else { panic!("one previous version: the other was ended") };
    assert_eq!(previous.version.digest, digest("previous"));
    assert_eq!(previous.deadline, Timestamp::from_millis(1_830_635_882_781));

    let paused = ring(&store, "mcp/paused").await;
    assert_eq!(paused.current.digest, digest("paused"));
    assert_eq!(paused.paused, Some(Timestamp::from_millis(1_796_075_880_825)));

    let leaked = ring(&store, "mcp/leaked").await;
    assert_eq!(leaked.current.digest, digest("leaked"));
    assert_eq!(leaked.current.ended, Some(Timestamp::from_millis(1_796_075_880_836)));
    assert!(leaked.pending.is_some());
}

async fn ring(store: &Embedded, name: &str) -> Ring {
    let read = store.secret(Secret::new(name, "mcp")).read().await.unwrap();
    assert_eq!(read.now.latest, Timestamp::from_millis(THEN), "its clock goes on from where it was");
    read.ring.expect("the secret exists")
}
