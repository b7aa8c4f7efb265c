//! What a verifier makes of a file, as the vectors say.

use serde::Deserialize;

use super::*;
use crate::timing::PlaceInTime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Caches {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    file: String,
    audience: String,
    feed: Vec<String>,
    boot: String,
    at: At,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    boot_ms: u64,
    wall_ms: u64,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Expected {
    View { now_ms: u64, age_ms: u64, entries: usize },
    Unused { unused: String },
}

fn named(unused: Unused) -> String {
    let name = match unused {
        Unused::Empty => "empty",
        Unused::Foreign => "foreign",
        Unused::OtherFormat => "other_format",
        Unused::Damaged => "damaged",
        Unused::OtherAudience => "other_audience",
        Unused::OtherFeed => "other_feed",
        Unused::Future => "future",
    };
    name.to_owned()
}

fn cases() -> Vec<Case> {
    let caches: Caches = serde_json::from_str(include_str!("../../../vectors/caches.json")).expect("vectors");
    assert!(caches.cases.len() >= 40, "cases are missing");
    caches.cases
}

#[test]
fn a_file_is_read_as_the_vectors_say() {
    for Case { name, file, audience, feed, boot, at: At { boot_ms, wall_ms }, expected } in cases() {
        let (whose, at) =
            (Whose::new(&audience, feed.iter().map(String::as_str), &boot), Moment { boot_ms, wall_ms });
        let read = match view(&whose, file.as_bytes(), at) {
            Ok(View { set, now_ms, age_ms, taken, complete }) => {
                assert!(taken == at && !complete, "{name}");
                Expected::View { now_ms, age_ms, entries: set.entries().len() }
            }
            Err(unused) => Expected::Unused { unused: named(unused) },
        };
        assert_eq!(read, expected, "{name}");
    }
}

#[test]
fn a_file_is_written_as_the_first_of_the_vectors_stands_there() {
    let Case { file, audience, feed, boot, .. } = cases().remove(0);
    let whose = Whose::new(&audience, feed.iter().map(String::as_str), &boot);
    let set = file.lines().nth(2).expect("a set");
    let taken = Moment { boot_ms: 5_000_000, wall_ms: 1_700_000_000_000 };
    let place = PlaceInTime { now_ms: 1_795_000_000_000, age_ms: 70 };
    assert_eq!(whose.head(set.as_bytes(), place, taken) + set, file);
}

#[test]
fn each_bit_that_flips_in_a_file_is_noticed() {
    let Case { file, audience, feed, boot, at: At { boot_ms, wall_ms }, .. } = cases().remove(0);
    let whose = Whose::new(&audience, feed.iter().map(String::as_str), &boot);
    let at = Moment { boot_ms, wall_ms };
    let good = view(&whose, file.as_bytes(), at).expect("a view").set.to_json();
    for place in 0..file.len() {
        let mut flipped = file.clone().into_bytes();
        flipped[place] ^= 1;
        if let Ok(view) = view(&whose, &flipped, at) {
            assert_eq!(view.set.to_json(), good, "byte {place}: what is read is what was written");
        }
    }
}
