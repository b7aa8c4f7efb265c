//! What the golden vectors can't hold: sets made by hand, large ones, and bytes that are no text.

use super::*;
use crate::Digest;

fn entry(byte: u8, stage: Stage, not_after_ms: Option<u64>) -> Entry {
    Entry {
        digest: Digest::from_bytes([byte; 32]),
        secret: "mcp/slack-bot-token".into(),
        version: "v1".into(),
        stage,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 1_000,
        grace_ms: 60_000,
        not_after_ms,
    }
}

fn set(entries: Vec<Entry>) -> Result<AcceptSet, SetError> {
    AcceptSet::new("a", 60_000, 86_400_000, entries)
}

#[test]
fn freshness_is_between_a_second_and_an_hour() {
    let made = |freshness_ms| AcceptSet::new("a", freshness_ms, 3_600_001, vec![]).map(drop);
    assert_eq!(made(999), Err(SetError::Freshness));
    assert_eq!(made(1_000), Ok(()));
    assert_eq!(made(3_600_000), Ok(()));
    assert_eq!(made(3_600_001), Err(SetError::Freshness));
}

#[test]
fn hold_is_between_freshness_and_seven_days() {
    let made = |hold_ms| AcceptSet::new("a", 60_000, hold_ms, vec![]).map(drop);
    assert_eq!(made(59_999), Err(SetError::Hold));
    assert_eq!(made(60_000), Ok(()));
    assert_eq!(made(604_800_000), Ok(()));
    assert_eq!(made(604_800_001), Err(SetError::Hold));
}

#[test]
fn accept_within_is_a_second_at_least_and_is_written_where_it_is_stated() -> Result<(), SetError> {
    let made = |ms| set(vec![]).and_then(|set| set.with_accept_within(ms)).map(drop);
    assert_eq!(made(999), Err(SetError::AcceptWithin));
    assert_eq!((made(1_000), made((1 << 53) - 1)), (Ok(()), Ok(())));
    assert_eq!(made(1 << 53), Err(SetError::LargeNumber));
    let stated = set(vec![])?.with_accept_within(75_000)?.to_json();
    assert_eq!(AcceptSet::parse(stated.as_bytes(), "a")?.accept_within_ms(), Some(75_000));
    assert!(!set(vec![])?.to_json().contains("accept_within"));
    Ok(())
}

#[test]
fn a_local_hold_counts_as_given() -> Result<(), SetError> {
    let held = |ms| set(vec![]).map(|set| set.with_max_hold(ms).hold_ms());
    assert_eq!((held(86_400_001)?, held(86_400_000)?), (86_400_000, 86_400_000));
    assert_eq!((held(59_999)?, held(1)?), (59_999, 1), "less than freshness, too");
    Ok(())
}

#[test]
fn only_a_previous_version_has_a_deadline_and_each_has_one() {
    let made = |stage, deadline| set(vec![entry(1, stage, deadline)]).map(drop);
    assert_eq!(made(Stage::Previous, Some(0)), Ok(()));
    assert_eq!(made(Stage::Previous, None), Err(SetError::WithoutDeadline));
    for stage in [Stage::Pending, Stage::Current] {
        assert_eq!(made(stage, None), Ok(()));
        assert_eq!(made(stage, Some(0)), Err(SetError::WithDeadline));
    }
}

#[test]
fn no_number_that_could_not_be_read_back_gets_in() {
    const LARGE: u64 = 1 << 53;
    let made = |entry| set(vec![entry]).map(drop);
    let current = || entry(1, Stage::Current, None);
    assert_eq!(made(Entry { created_ms: LARGE - 1, grace_ms: LARGE - 1, ..current() }), Ok(()));
    assert_eq!(made(Entry { created_ms: LARGE, ..current() }), Err(SetError::LargeNumber));
    assert_eq!(made(Entry { grace_ms: LARGE, ..current() }), Err(SetError::LargeNumber));
    assert_eq!(made(entry(1, Stage::Previous, Some(LARGE - 1))), Ok(()));
    assert_eq!(made(entry(1, Stage::Previous, Some(LARGE))), Err(SetError::LargeNumber));
}

#[test]
fn the_same_digest_twice_is_an_error_even_where_all_else_differs() {
    let twice = vec![
        entry(1, Stage::Current, None),
        entry(2, Stage::Pending, None),
        entry(1, Stage::Previous, Some(5)),
    ];
    assert_eq!(set(twice).map(drop), Err(SetError::DuplicateDigest));
}

#[test]
fn entries_are_sorted_by_digest_and_found_by_it() -> Result<(), SetError> {
    let entries = [7, 3, 250, 0, 128].map(|byte| entry(byte, Stage::Current, None));
    let set = set(entries.to_vec())?;
    let order: Vec<u8> = set.entries().iter().map(|e| e.digest.as_bytes()[0]).collect();
    assert_eq!(order, [0, 3, 7, 128, 250]);
    for entry in &entries {
        assert_eq!(set.find(&entry.digest), Some(entry));
    }
    assert_eq!(set.find(&Digest::from_bytes([4; 32])), None);
    Ok(())
}

#[test]
fn digests_that_begin_with_the_same_bytes_are_told_apart() -> Result<(), SetError> {
    let with_last = |byte| {
        let mut digest = [9; 32];
        digest[31] = byte;
        Entry { digest: Digest::from_bytes(digest), ..entry(9, Stage::Current, None) }
    };
    let set = set((0..100).map(with_last).collect())?;
    for byte in 0..100 {
        assert_eq!(set.find(&with_last(byte).digest).map(|e| e.digest), Some(with_last(byte).digest));
    }
    assert_eq!(set.find(&with_last(100).digest), None);
    Ok(())
}

#[test]
fn thirty_two_mebibytes_are_read_and_a_byte_more_is_not() -> Result<(), SetError> {
    let mut json = set(vec![])?.to_json().into_bytes();
    json.resize(32 << 20, b' ');
    assert!(AcceptSet::parse(&json, "a").is_ok());
    json.push(b' ');
    assert_eq!(AcceptSet::parse(&json, "a").map(drop), Err(SetError::TooLarge));
    Ok(())
}

#[test]
fn what_is_not_utf_8_is_not_json() {
    assert_eq!(AcceptSet::parse(b"{\"audience\":\"\xff\"}", "a").map(drop), Err(SetError::NotJson));
}

#[test]
fn an_error_names_the_missing_key() {
    let error = AcceptSet::parse(br#"{"format":1,"audience":"a","freshness_ms":1000}"#, "a").map(drop);
    assert_eq!(error, Err(SetError::MissingKey("hold_ms")));
    assert_eq!(SetError::MissingKey("hold_ms").to_string(), "`hold_ms` is missing in the accept set");
}

#[test]
fn text_is_escaped_where_it_must_be_and_nowhere_else() -> Result<(), SetError> {
    let audience = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é\u{1f600}";
    let json = AcceptSet::new(audience, 1_000, 1_000, vec![])?.to_json();
    let escaped = r#""\"\\/\b\f\n\r\t\u0000\u001f"#.to_owned() + "\u{7f}é\u{1f600}\"";
    assert!(json.contains(&escaped), "{json}");
    assert_eq!(AcceptSet::parse(json.as_bytes(), audience)?.audience(), audience);
    Ok(())
}
