//! Several at once, tokens, and what is left behind.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD, prelude::BASE64_URL_SAFE_NO_PAD};
use crossfade::{
    rotation::plan::{Step, Why},
    store::{
        Secret, Store as _, WriteError,
        embedded::{Embedded, Options},
    },
    token::{Reveal as _, RevealError},
};
use tempfile::tempdir;
use tokio::task::JoinSet;

use crate::embedded::{
    HOUR, does, handle, message, new_year, open, read, revision, ring, rotates, secret, sqlite, stages, tries,
};
use crate::files::contents;

#[tokio::test]
async fn two_handles_see_each_other_s_steps_at_once() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let first = open(directory.path(), clock.clone()).unwrap();
    let second = open(directory.path(), clock).unwrap();
    does(&first, Step::Create).await;
    for _ in 0..4 {
        rotates(&first).await;
        assert_eq!(read(&second).await, read(&first).await);
        rotates(&second).await;
        assert_eq!(read(&first).await, read(&second).await);
    }
}

#[tokio::test]
async fn of_two_handles_that_step_on_the_same_read_one_wins() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let first = open(directory.path(), clock.clone()).unwrap();
    let second = open(directory.path(), clock).unwrap();
    does(&first, Step::Create).await;
    for _ in 0..20 {
        let ((mut one, seen), (mut other, _)) = (handle(&first).await, handle(&second).await);
        let (ring, before) = (seen.ring.unwrap(), revision(&sqlite(directory.path())));
        let step = match ring.pending {
            None => Step::Stage { current: ring.current.id },
            Some(p) => Step::Promote { pending: p.id, current: ring.current.id, accepted_for: HOUR },
        };
        let step = step.because(Why::Missing);
        let both = tokio::join!(one.apply(&step), other.apply(&step));
        assert!(
            matches!(both, (Ok(_), Err(WriteError::Conflict)) | (Err(WriteError::Conflict), Ok(_))),
            "{both:?}"
        );
        assert_eq!(revision(&sqlite(directory.path())), before + 1);
    }
}

#[tokio::test]
async fn a_database_that_is_locked_for_too_long_is_unavailable_for_steps_and_readable() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock).unwrap();
    does(&store, Step::Create).await;
    let other = sqlite(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let current = ring(&store).await.current.id;
    let error = tries(&store, Step::Stage { current }).await.unwrap_err();
    assert!(matches!(error, WriteError::Unavailable(_)), "{error:?}");
    assert!(message(&error).contains("lock"), "{}", message(&error));
    assert_eq!(ring(&store).await.pending, None);
    other.execute_batch("ROLLBACK").unwrap();
    stages(&store).await;
}

#[tokio::test]
async fn a_thousand_secrets_do_not_take_a_thread_each() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = Arc::new(open(directory.path(), clock).unwrap());
    let mut reads = JoinSet::new();
    for n in 0..1_000 {
        let (store, secret) = (Arc::clone(&store), Secret { name: format!("mcp/{n}").into(), ..secret() });
        reads.spawn(async move { store.secret(secret).read().await });
    }
    while let Some(read) = reads.join_next().await {
        assert_eq!(read.unwrap().unwrap().ring, None);
    }
    // All of this test binary's threads; the runtimes of other tests are among them.
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    assert!(threads < 200, "{threads} threads");
}

/// What waits for a lock here waits for a slow disk elsewhere.
#[tokio::test]
async fn a_step_that_waits_keeps_no_read_waiting() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let options = Options {
        boot_id: Some("this one".into()),
        patience: Duration::from_secs(120),
        ..Options::default()
    };
    let store = Embedded::open_with(directory.path(), &directory.path().join("key"), clock, options).unwrap();
    does(&store, Step::Create).await;
    let (mut versions, seen) = handle(&store).await;
    let current = seen.ring.as_ref().unwrap().current.id;
    let other = sqlite(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let step = Step::Stage { current }.because(Why::Missing);
    let mut step = std::pin::pin!(versions.apply(&step));
    let reads = async {
        for _ in 0..100 {
            assert_eq!(read(&store).await.ring, seen.ring);
            assert!(store.reveal(&secret()).await.is_ok(), "nor a hand-out");
        }
    };
    tokio::select! {
        biased;
        stepped = &mut step => panic!("it can't have been carried out: {stepped:?}"),
        read = tokio::time::timeout(Duration::from_secs(60), reads) => read.expect("they wait for nothing"),
    }
    other.execute_batch("ROLLBACK").unwrap();
    step.await.expect("it waited for the lock");
}

#[tokio::test]
async fn a_read_does_not_wait_for_a_thousand_hand_outs() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = Arc::new(open(directory.path(), clock).unwrap());
    does(&store, Step::Create).await;
    let (asked_for, handed_out) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut hand_outs = JoinSet::new();
    for _ in 0..1_000 {
        let store = Arc::clone(&store);
        let (asked_for, handed_out) = (Arc::clone(&asked_for), Arc::clone(&handed_out));
        hand_outs.spawn(async move {
            asked_for.fetch_add(1, Ordering::Relaxed);
            store.reveal(&secret()).await.expect("a token");
            handed_out.fetch_add(1, Ordering::Relaxed);
        });
    }
    // In one thread: each of them has come to where it waits, or further.
    while asked_for.load(Ordering::Relaxed) < 1_000 {
        tokio::task::yield_now().await;
    }
    let before = handed_out.load(Ordering::Relaxed);
    assert!(before < 800, "{before} are done already, and nothing is shown");
    read(&store).await;
    let first = handed_out.load(Ordering::Relaxed) - before;
    assert!(first < 100, "{first} hand-outs went before it");
    while let Some(ended) = hand_outs.join_next().await {
        ended.expect("no panic");
    }
    assert_eq!(handed_out.load(Ordering::Relaxed), 1_000);
}

#[tokio::test]
async fn a_step_that_is_stopped_halfway_is_taken_back() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    does(&store, Step::Create).await;
    let before = stages(&store).await;
    let pending = before.pending.unwrap().id;
    let step = Step::Promote { pending, current: before.current.id, accepted_for: HOUR };
    clock.leap(1_001);
    let error = tries(&store, step).await.unwrap_err();
    clock.leap(0);
    assert!(matches!(error, WriteError::Unavailable(_)), "{error:?}");
    assert_eq!(ring(&store).await, before);
    clock.leap(1_000);
    does(&store, step).await;
}

#[tokio::test]
async fn the_current_token_is_handed_out() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock).unwrap();
    assert!(matches!(store.reveal(&secret()).await, Err(RevealError::NoSuchSecret)));
    does(&store, Step::Create).await;
    for _ in 0..3 {
        let (id, token) = store.reveal(&secret()).await.unwrap();
        let current = ring(&store).await.current;
        assert_eq!((id, token.digest()), (current.id, current.digest));
        assert!(token.expose().starts_with("mcp_"));
        rotates(&store).await;
    }
}

#[tokio::test]
async fn an_id_is_derived_eight_times_and_then_a_person_is_needed() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock).unwrap();
    let current = does(&store, Step::Create).await.current.id;
    for _ in 0..8 {
        let pending = stages(&store).await.pending.unwrap().id;
        does(&store, Step::Drop { pending }).await;
    }
    let error = tries(&store, Step::Stage { current }).await.unwrap_err();
    assert!(matches!(error, WriteError::Rejected(_)), "{error:?}");
    assert!(message(&error).contains("8 successors"), "{}", message(&error));
}

#[tokio::test]
async fn what_is_gone_leaves_an_id_without_a_value_until_it_can_t_be_derived_again() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock).unwrap();
    does(&store, Step::Create).await;
    let gone = || {
        let count = "SELECT count(*), coalesce(max(length(value)), 0) FROM versions WHERE stage = 'gone'";
        let answer = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        sqlite(directory.path()).query_row(count, [], answer).unwrap()
    };
    for _ in 0..2 {
        let pending = stages(&store).await.pending.unwrap().id;
        does(&store, Step::Drop { pending }).await;
    }
    assert_eq!(gone(), (2, 28), "a nonce and a tag");
    let replaced = rotates(&store).await.previous[0].version.id;
    assert_eq!(gone(), (0, 0));
    does(&store, Step::Retire { version: replaced }).await;
    assert_eq!(gone(), (0, 0), "what was before the current version is not derived again");
}

#[tokio::test]
async fn no_token_is_found_in_the_files() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    does(&store, Step::Create).await;
    let mut tokens = Vec::new();
    for turn in 0..30 {
        let ring = rotates(&store).await;
        tokens.push(store.reveal(&secret()).await.unwrap().1);
        if turn % 3 == 0 {
            does(&store, Step::Retire { version: ring.previous[0].version.id }).await;
        }
        clock.pass(Duration::from_secs(1));
    }
    let found = |directory: &Path| {
        let files: Vec<u8> = contents(directory).into_values().flatten().collect();
        let needles = tokens.iter().flat_map(|token| forms(token.expose()));
        // The first 16 bytes of each are enough, and make it one pass.
        let needles: HashSet<_> = needles.map(|form| form[..16].to_vec()).collect();
        let held = |needles: &HashSet<Vec<u8>>| files.windows(16).any(|window| needles.contains(window));
        assert!(held(&HashSet::from([b"mcp/slack-bot-to".to_vec()])), "the search itself works");
        held(&needles)
    };
    assert!(!found(directory.path()), "while it is open, with its log");
    drop(store);
    assert!(!found(directory.path()), "closed");
}

/// A token without its prefix, its random bytes, and both in base64 and hex.
fn forms(token: &str) -> Vec<Vec<u8>> {
    let text = token.as_bytes();
    let random = BASE64_URL_SAFE_NO_PAD.decode(&token["mcp_".len()..token.len() - 6]).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes();
    let text = &text[4..];
    let mut forms = vec![text.to_vec(), hex(text), hex(&random), random.clone()];
    forms.extend(
        [BASE64_STANDARD_NO_PAD.encode(text), BASE64_STANDARD_NO_PAD.encode(&random)].map(String::into_bytes),
    );
    forms
}
