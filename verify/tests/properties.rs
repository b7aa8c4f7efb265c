//! What holds for whatever comes: bytes, sets, clocks.

use std::sync::Arc;

use crossfade_verify::{
    AcceptSet, Digest, Entry, Moment, Reason, Stage, Verdict, View, decide,
    timing::{Exchange, PlaceInTime},
    token::shape,
};
use proptest::{collection::vec, prelude::*};

/// Few enough that a presented token is often one of the set's.
const TOKENS: u8 = 8;

/// Times lie close to each other and to the bounds, so that each side of each is often met.
fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4_000u64,
        Just(59_999),
        Just(60_000),
        Just(60_001),
        58_000..62_000u64,
        119_000..121_000u64,
        any::<u64>()
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        (millis(), millis()).prop_map(|(boot_ms, wall_ms)| Moment { boot_ms, wall_ms }),
        (millis(), 0..4_001u64)
            .prop_map(|(ms, ahead)| Moment { boot_ms: ms, wall_ms: ms.saturating_add(ahead) }),
    ]
}

fn token(number: u8) -> Vec<u8> {
    format!("token-of-somebody-{number}").into_bytes()
}

fn text() -> impl Strategy<Value = Arc<str>> {
    vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn entry(number: u8) -> impl Strategy<Value = Entry> {
    const LARGEST: u64 = (1 << 53) - 1;
    let stage = prop_oneof![
        Just((Stage::Pending, None)),
        Just((Stage::Current, None)),
        millis().prop_map(|ms| (Stage::Previous, Some(ms.min(LARGEST))))
    ];
    let numbers = (0..=LARGEST, 0..=LARGEST);
    (stage, text(), text(), text(), vec(text(), 0..3), numbers).prop_map(
        move |((stage, not_after_ms), secret, version, client_id, scopes, (created_ms, grace_ms))| Entry {
            digest: Digest::of(&token(number)),
            secret,
            version,
            stage,
            client_id,
            scopes: scopes.into(),
            created_ms,
            grace_ms,
            not_after_ms,
        },
    )
}

fn accept_set() -> impl Strategy<Value = AcceptSet> {
    let entries = proptest::sample::subsequence((0..TOKENS).collect::<Vec<_>>(), 0..=usize::from(TOKENS))
        .prop_flat_map(|numbers| numbers.into_iter().map(entry).collect::<Vec<_>>());
    let bounds = prop_oneof![Just((60_000, 120_000)), Just((60_000, 60_000)), Just((1_000, 604_800_000))];
    (text(), bounds, entries).prop_map(|(audience, (freshness, hold), entries)| {
        AcceptSet::new(audience, freshness, hold, entries).expect("a good set")
    })
}

prop_compose! {
    fn view()(set in accept_set(), now_ms in millis(), age_ms in millis(), taken in moment(), complete in any::<bool>())
        -> View { View { set, now_ms, age_ms, taken, complete } }
}

fn presented() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => (0..TOKENS).prop_map(token), 1 => vec(any::<u8>(), 0..80)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = AcceptSet::parse(&bytes, "a");
        let _ = shape(&bytes);
        let _ = Digest::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_text_that_is_nearly_a_set_makes_the_reader_panic(
        set in accept_set(), at in any::<prop::sample::Index>(), cut in 0..8usize, with in "[\\\\\"{}\\[\\],:0-9eE+.\\-u nt]{0,6}",
    ) {
        let mut json = set.to_json().into_bytes();
        let from = at.index(json.len());
        json.splice(from..(from + cut).min(json.len()), with.bytes());
        let _ = AcceptSet::parse(&json, set.audience());
    }

    #[test]
    fn what_our_reader_takes_another_takes_too(text in "[\\[\\]{}\",:0-9eE+.\\-\\\\ud8c n]{0,40}") {
        let whole = format!(r#"{{"format":1,"audience":"a","freshness_ms":1000,"hold_ms":1000,"entries":[],"x":{text}}}"#);
        if AcceptSet::parse(whole.as_bytes(), "a").is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&whole).is_ok(), "{whole}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same(set in accept_set()) {
        let json = set.to_json();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        let read = AcceptSet::parse(json.as_bytes(), set.audience());
        prop_assert!(read.is_ok(), "{:?}", read.err());
        if let Ok(read) = read {
            prop_assert_eq!(read.entries(), set.entries());
            prop_assert_eq!((read.freshness_ms(), read.hold_ms()), (set.freshness_ms(), set.hold_ms()));
            prop_assert_eq!(read.to_json(), json.clone());
        }
    }

    #[test]
    fn nothing_is_accepted_past_its_deadline_or_past_hold(view in view(), token in presented(), at in moment()) {
        if let Verdict::Accepted(grant) = decide(Some(&view), &token, at) {
            prop_assert_eq!(grant.entry.digest, Digest::of(&token));
            let elapsed = [(at.boot_ms, view.taken.boot_ms), (at.wall_ms, view.taken.wall_ms)]
                .map(|(now, then)| now.saturating_sub(then));
            for elapsed in elapsed {
                let now = view.now_ms.saturating_add(elapsed);
                prop_assert!(grant.entry.not_after_ms.is_none_or(|deadline| now < deadline));
                prop_assert!(view.age_ms.saturating_add(elapsed) <= view.set.hold_ms());
            }
        }
    }

    #[test]
    fn no_right_token_is_ever_refused_and_nothing_is_refused_from_a_view_that_is_not_fresh(
        view in view(), token in presented(), at in moment(),
    ) {
        match decide(Some(&view), &token, at) {
            Verdict::Refused(Reason::Unknown) => {
                prop_assert!(view.is_fresh(at) && view.set.find(&Digest::of(&token)).is_none());
            }
            Verdict::Refused(Reason::Expired) => {
                let deadline = view.set.find(&Digest::of(&token)).and_then(|entry| entry.not_after_ms);
                prop_assert!(view.is_fresh(at) && deadline.is_some_and(|deadline| view.now_ms(at) >= deadline));
            }
            _ => {}
        }
    }

    #[test]
    fn a_fresh_view_is_complete_young_on_each_clock_and_the_clocks_agree(view in view(), at in moment()) {
        if view.is_fresh(at) {
            let [boot, wall] = [(at.boot_ms, view.taken.boot_ms), (at.wall_ms, view.taken.wall_ms)]
                .map(|(now, then)| i128::from(now) - i128::from(then));
            prop_assert!(view.complete);
            prop_assert!((boot - wall).abs() <= 2_000);
            prop_assert!(i128::from(view.age_ms) + boot.max(wall).max(0) < i128::from(view.set.freshness_ms()));
        }
    }

    #[test]
    fn a_fresh_view_is_sure_of_everything(view in view(), token in presented(), at in moment()) {
        if view.is_fresh(at) {
            prop_assert_ne!(decide(Some(&view), &token, at), Verdict::Unsure);
        }
    }
}

proptest! {
    #[test]
    fn no_answer_makes_a_view_younger_than_it_says_or_older_than_it_took(
        now_ms in 1_000_000_u64..1 << 50,
        age_ms in 0_u64..1_000_000,
        held_ms in 0_u64..100_000,
        boot_ms in 0_u64..100_000,
        wall_ms in 0_u64..100_000,
        applied in proptest::option::of(0_u64..1 << 50),
    ) {
        let timing = format!("now={now_ms}, age={age_ms}, held={held_ms}, nonce=n");
        let exchange = Exchange { nonce: "n", sent: Moment::default(), received: Moment { boot_ms, wall_ms } };
        let applied = applied.map(|now_ms| PlaceInTime { now_ms, age_ms: 0 });
        if let Ok(place) = PlaceInTime::of_answer([timing.as_bytes()], &exchange, applied) {
            prop_assert!((age_ms..=age_ms + boot_ms.max(wall_ms)).contains(&place.age_ms));
            prop_assert_eq!(place.now_ms - place.age_ms, now_ms - age_ms, "its place in time is the one stated");
            prop_assert!(applied.is_none_or(|applied| applied.now_ms <= now_ms - age_ms), "never back");
        }
    }

    #[test]
    fn no_bytes_for_a_timing_or_a_header_make_it_panic(bytes: Vec<u8>, more: Vec<Vec<u8>>) {
        let exchange = Exchange { nonce: "n", sent: Moment::default(), received: Moment::default() };
        prop_assert!(PlaceInTime::of_answer([&*bytes], &exchange, None).is_err() || bytes.starts_with(b"now="));
        let token = crossfade_verify::presented([&*bytes], more.iter().map(|one| &**one));
        if let Ok(token) = token {
            prop_assert!(bytes.ends_with(token) && more.iter().all(|one| one == token));
        }
    }
}
