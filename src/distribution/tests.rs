//! Contents and their tags.

use crossfade_verify::{AcceptSet, Digest, Entry, Moment, Stage, View};

use super::Publication;

/// One whose entries are current versions with these tokens.
pub(super) fn publication(
    tokens: &[&str],
    before: Option<&Publication>,
    serial: u64,
    at: Moment,
) -> Publication {
    let entries = tokens.iter().map(|token| entry(token, None)).collect();
    Publication::new(view(entries, at), before, serial, at)
}

fn entry(token: &str, not_after_ms: Option<u64>) -> Entry {
    Entry {
        digest: Digest::of(token.as_bytes()),
        secret: "secret".into(),
        version: token.into(),
        stage: if not_after_ms.is_some() { Stage::Previous } else { Stage::Current },
        client_id: "bot".into(),
        scopes: [].into(),
        created_ms: 0,
        grace_ms: 1,
        not_after_ms,
    }
}

fn view(entries: Vec<Entry>, at: Moment) -> View {
    let set = AcceptSet::new("a", 60_000, 600_000, entries).expect("a good set");
    View { set, now_ms: at.wall_ms, age_ms: 0, taken: at, complete: true }
}

const fn at(second: u64) -> Moment {
    Moment { boot_ms: second * 1000, wall_ms: second * 1000 }
}

#[test]
fn a_read_that_changes_nothing_keeps_the_content_and_wakes_nobody() {
    let one = publication(&["x"], None, 1, at(0));
    let two = publication(&["x"], Some(&one), 2, at(20));
    assert_eq!((two.content.serial, two.content.since), (1, at(0)));
    assert_eq!(one.text().etag, two.text().etag);
    assert_ne!(one.text().etag, publication(&["y"], Some(&two), 3, at(20)).text().etag);
}

#[test]
fn what_is_taken_away_before_its_deadline_was_ended() {
    let deadline = 30_000;
    let one =
        Publication::new(view(vec![entry("x", None), entry("y", Some(deadline))], at(0)), None, 1, at(0));
    let without =
        |second| Publication::new(view(vec![entry("x", None)], at(second)), Some(&one), 2, at(second));
    assert_eq!(without(29).content.narrowed, 2);
    assert_eq!(without(30).content.narrowed, 0, "it came to its deadline");
}
