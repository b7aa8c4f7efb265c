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

#[test]
fn a_later_read_is_never_placed_earlier_because_its_answer_was_quicker() {
    // A store whose time has whole seconds: within one, a read's time differs by how long its answer took.
    let read = |boot_ms: u64, now_ms: u64| {
        let taken = Moment { boot_ms, wall_ms: boot_ms };
        View { now_ms, ..view(vec![entry("x", None)], taken) }
    };
    let publish = |view: View, before: Option<&Publication>| {
        let at = view.taken;
        Publication::new(view, before, 1, at)
    };
    let place = |publication: &Publication, boot_ms: u64| {
        let at = Moment { boot_ms, wall_ms: boot_ms };
        publication.view.now_ms(at) - publication.view.age_ms(at)
    };
    let slow = publish(read(100, 1_030), None);
    let quick = publish(read(200, 1_010), Some(&slow));
    assert!(place(&quick, 300) >= place(&slow, 150), "verifiers would drop it as the older one");
    assert_eq!(quick.view.age_ms(quick.view.taken), 0, "and it is no younger than it is");
    assert_eq!(publish(read(300, 2_010), Some(&quick)).view.now_ms, 2_010, "what is later stays as it is");
    let set_back = publish(read(300, 1_010), Some(&publish(read(200, 60_000), None)));
    assert_eq!(set_back.view.now_ms, 1_010, "a clock that was set is no quick answer");
}
