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

mod published {
    use std::{sync::Arc, time::Duration};

    use crossfade_verify::Digest;

    use super::at;
    use crate::{
        distribution::{Bounds, Decision, Distribution, Member},
        rotation::ring::{Findings, Previous, Ring, Version, VersionId},
        time::{Interval, Timestamp},
    };

    fn member(secret: &str, audience: &str) -> Member {
        Member {
            secret: secret.into(),
            client_id: "bot".into(),
            audience: audience.into(),
            scopes: [].into(),
            grace: Duration::from_secs(1),
        }
    }

    fn ring(token: &str) -> Arc<Ring> {
        let current = Version {
            id: VersionId::of_name(token),
            created: Timestamp::from_millis(0),
            digest: Digest::of(token.as_bytes()),
            foreign: false,
            ended: None,
            note: None,
        };
        let (paused, kept) = (None, None);
        let findings = Findings::default();
        Arc::new(Ring { current, pending: None, previous: Vec::new(), paused, kept, findings })
    }

    const TOKENS: [&str; 2] = ["a-token-of-somebody-else", "another-one-of-somebody-else"];

    fn bounds() -> Bounds {
        let [freshness, hold, accept_within] = [60, 600, 80].map(Duration::from_secs);
        Bounds { freshness, hold, accept_within }
    }

    fn two() -> Distribution {
        Distribution::new(Arc::new(at(100)), bounds(), vec![member("one", "a"), member("two", "a")])
    }

    fn read(of: &Distribution, secret: &str, token: &str, second: u64) {
        let now = Interval::exactly(Timestamp::from_millis(second * 1000));
        of.publish(secret, Some(&ring(token)), at(second), now);
    }

    fn accepts(of: &Distribution, token: &str) -> bool {
        matches!(of.decide(&["a".into()], token.as_bytes()), Decision::Accepted(_))
    }

    #[test]
    fn what_was_read_is_in_force_at_once_and_an_audience_is_as_old_as_its_oldest_secret() {
        let all = two();
        read(&all, "one", TOKENS[0], 90);
        assert!(accepts(&all, TOKENS[0]) && !all.published("a").expect("a view").view.complete);
        read(&all, "two", TOKENS[1], 91);
        let both = all.published("a").expect("a view");
        assert!(both.view.complete && accepts(&all, TOKENS[1]));
        assert_eq!(both.view.taken, at(90));
        read(&all, "one", TOKENS[0], 95);
        let later = all.published("a").expect("a view");
        assert_eq!(later.view.taken, at(91), "the other one is the oldest now");
        assert!(Arc::ptr_eq(&both.content, &later.content), "nothing has changed");
        read(&all, "one", TOKENS[0], 94);
        assert_eq!(all.published("a").expect("a view").view.taken, at(91), "an older read changes nothing");
    }

    /// A read that shows labels, and the value of no other version than that one.
    fn read_in_part(of: &Distribution, secret: &str, token: &str, second: u64) {
        let mut ring = Arc::unwrap_or_clone(ring(token));
        let id = VersionId::of_name("a version that can't be read");
        ring.pending = Some(Version { id, digest: Version::unread(id), ..ring.current });
        ring.findings.unread = true;
        let now = Interval::exactly(Timestamp::from_millis(second * 1000));
        of.publish(secret, Some(&Arc::new(ring)), at(second), now);
    }

    fn verdict(of: &Distribution, token: &str) -> Decision {
        of.decide(&["a".into()], token.as_bytes())
    }

    #[test]
    fn labels_count_at_once_and_a_refusal_by_the_last_read_that_knew_each_value() {
        let all = two();
        read(&all, "two", TOKENS[1], 99);
        read(&all, "one", TOKENS[0], 41);
        read_in_part(&all, "one", "a-third-one-of-somebody-else", 99);
        let view = all.published("a").expect("a view").view.clone();
        assert_eq!((view.taken, view.complete), (at(41), true), "the part makes nothing younger");
        assert!(accepts(&all, "a-third-one-of-somebody-else"));
        assert!(
            matches!(verdict(&all, TOKENS[0]), Decision::Refused(_)),
            "it was read 59 s ago that it is all"
        );
        read(&all, "one", TOKENS[0], 99);
        assert!(accepts(&all, TOKENS[0]));

        let all = two();
        read(&all, "two", TOKENS[1], 99);
        read(&all, "one", TOKENS[0], 40);
        read_in_part(&all, "one", "a-third-one-of-somebody-else", 99);
        assert!(matches!(verdict(&all, TOKENS[0]), Decision::Unsure), "60 s ago is too long");
    }

    #[test]
    fn a_secret_that_was_never_read_wholly_leaves_the_set_incomplete_and_what_is_known_accepted() {
        let all = two();
        read(&all, "two", TOKENS[1], 99);
        read_in_part(&all, "one", TOKENS[0], 99);
        assert!(!all.published("a").expect("a view").view.complete);
        assert!(accepts(&all, TOKENS[0]) && accepts(&all, TOKENS[1]));
        assert!(matches!(verdict(&all, "a-third-one-of-somebody-else"), Decision::Unsure));
        all.configure(bounds(), vec![member("one", "a"), member("two", "a")]);
        assert!(!all.published("a").expect("a view").view.complete, "nor by a config that is read again");
    }

    #[test]
    fn no_refusal_rests_on_a_set_without_a_token_that_was_known_and_is_not_any_more() {
        let all = two();
        read(&all, "two", TOKENS[1], 99);
        read(&all, "one", TOKENS[0], 99);
        let mut ring = Arc::unwrap_or_clone(ring(TOKENS[0]));
        ring.current.digest = Version::unread(ring.current.id);
        ring.findings.unread = true;
        let now = Interval::exactly(Timestamp::from_millis(100_000));
        all.publish("one", Some(&Arc::new(ring)), at(100), now);
        assert!(matches!(verdict(&all, TOKENS[0]), Decision::Unsure), "its format may have been changed");
    }

    #[test]
    fn a_known_token_is_let_in_at_once_by_a_young_read_of_its_own_secret() {
        let all = two();
        read(&all, "one", TOKENS[0], 10);
        read(&all, "two", TOKENS[1], 99);
        let is_young = |token| match verdict(&all, token) {
            Decision::Accepted(accepted) => Some(accepted.young),
            Decision::Refused(_) | Decision::Unsure => None,
        };
        assert_eq!(
            is_young(TOKENS[1]),
            Some(true),
            "that the other one can't be read says nothing against it"
        );
        assert_eq!(is_young(TOKENS[0]), Some(false));
    }

    #[test]
    fn a_known_token_is_as_old_as_its_own_secret_and_an_unknown_one_as_all() {
        let hold = Duration::from_secs(60);
        let all = two();
        all.configure(
            Bounds { freshness: hold, hold, ..bounds() },
            vec![member("one", "a"), member("two", "a")],
        );
        read(&all, "one", TOKENS[0], 10);
        read(&all, "two", TOKENS[1], 99);
        assert!(accepts(&all, TOKENS[1]), "the other one can't be read for longer than `hold`");
        assert!(matches!(verdict(&all, TOKENS[0]), Decision::Unsure), "and is not accepted any more itself");
        read_in_part(&all, "one", TOKENS[0], 99);
        assert!(accepts(&all, TOKENS[0]), "its labels say that it still counts");
    }

    #[test]
    fn what_others_are_told_is_on_the_wall_clock_wherever_the_store_s_is() {
        // Behind by a minute and ahead by six hours; the wall clock is at 100 s.
        for now in [40, 100 + 6 * 3600] {
            let (all, audience) = (two(), "a".into());
            let mut ring = Ring::clone(&ring(TOKENS[0]));
            ring.current.created = Timestamp::from_millis((now - 30) * 1000);
            let previous = Version { digest: Digest::of(TOKENS[1].as_bytes()), ..ring.current };
            ring.previous
                .push(Previous { version: previous, deadline: Timestamp::from_millis((now + 7) * 1000) });
            all.publish(
                "one",
                Some(&Arc::new(ring)),
                at(100),
                Interval::exactly(Timestamp::from_millis(now * 1000)),
            );
            for (token, left) in [(TOKENS[0], 1), (TOKENS[1], 7)] {
                let Decision::Accepted(told) = all.decide(std::slice::from_ref(&audience), token.as_bytes())
                else {
                    panic!("{token} at {now}")
                };
                assert_eq!(
                    (told.created_ms, told.expires_ms),
                    (70_000, 100_000 + left * 1000),
                    "{token} at {now}"
                );
            }
        }
    }

    #[test]
    fn whoever_waits_is_woken_by_a_change_and_waits_again_where_it_was_taken_back() {
        let all = two();
        read(&all, "one", TOKENS[0], 90);
        read(&all, "two", TOKENS[1], 90);
        let first = all.published("a").expect("a view").content.clone();
        read(&all, "two", "a-third-one-of-somebody-else", 91);
        assert!(first.replaced.is_cancelled(), "before anybody asks for the new one");
        read(&all, "two", TOKENS[1], 92);
        let again = all.published("a").expect("a view").content.clone();
        assert_eq!((again.serial, again.narrowed), (first.serial, first.narrowed), "nobody saw another");
        assert!(!again.replaced.is_cancelled());
        read(&all, "two", "a-third-one-of-somebody-else", 93);
        assert!(again.replaced.is_cancelled() && !accepts(&all, TOKENS[1]));
        assert_ne!(all.published("a").expect("a view").content.narrowed, 0, "a token was taken away");
    }

    #[test]
    fn the_use_of_a_version_is_known_for_as_long_as_it_stands() {
        let all = two();
        let by: Arc<str> = "server".into();
        let version = |token| VersionId::of_name(token);
        read(&all, "one", TOKENS[0], 90);
        all.usage().record(&version(TOKENS[0]).to_string(), 5, &by);
        assert_eq!(all.usage().of(version(TOKENS[0])).and_then(|of| of.last).map(|last| last.at_ms), Some(5));
        read(&all, "one", TOKENS[1], 91);
        assert_eq!(all.usage().of(version(TOKENS[0])), None);
        assert!(all.usage().of(version(TOKENS[1])).is_some());
        let bounds = bounds();
        all.configure(bounds, vec![member("two", "a")]);
        assert_eq!(all.usage().of(version(TOKENS[1])), None, "its secret is not configured any more");
    }
}
