//! Whatever a feed sends, reading it takes memory and steps in proportion to its length, and no verdict gets slow.

mod counting;

use std::fmt::Write as _;

use counting::{allocations_in, most_bytes_in};
use crossfade_verify::{AcceptSet, Digest};

/// How many bytes one byte of a text may take while it is read. The most comes of scopes without a letter.
const BYTES_FOR_ONE: i64 = 24;

fn set(entries: &str, more: &str) -> String {
    format!(r#"{{"format":1,"audience":"a","freshness_ms":1000,"hold_ms":1000{more},"entries":[{entries}]}}"#)
}

fn entry(digest: &Digest, scopes: &str) -> String {
    format!(
        r#"{{"digest":"{digest}","secret":"","version":"","stage":"current","client_id":"","scopes":[{scopes}],"created_ms":0,"grace_ms":0,"not_after_ms":null}}"#
    )
}

/// That many, with commas.
fn many(n: usize, one: impl Fn(&mut String, usize)) -> String {
    let mut all = String::new();
    for at in 0..n {
        if at > 0 {
            all.push(',');
        }
        one(&mut all, at);
    }
    all
}

/// Digests that begin with the same eight bytes.
fn alike(n: usize) -> Digest {
    let mut bytes = [7; 32];
    bytes[24..].copy_from_slice(&(n as u64).to_be_bytes());
    Digest::from_bytes(bytes)
}

type Text = fn(usize) -> String;

fn skipped(value: &str) -> String {
    set("", &format!(r#","x":{value}"#))
}

const TEXTS: &[(&str, Text)] = &[
    ("empty arrays", |n| skipped(&format!("[{}]", many(n, |all, _| all.push_str("[]"))))),
    ("empty objects", |n| skipped(&format!("[{}]", many(n, |all, _| all.push_str("{}"))))),
    ("deep nests", |n| {
        skipped(&format!("[{}]", many(n, |all, _| all.push_str("[[[[[[[[[[[[[]]]]]]]]]]]]]"))))
    }),
    ("nests that are too deep", |n| skipped(&"[".repeat(n))),
    ("different keys", |n| {
        skipped(&format!("{{{}}}", many(n, |all, at| write!(all, "\"{at:x}\":0").expect("text"))))
    }),
    ("a key again and again", |n| skipped(&format!("{{{}}}", many(n, |all, _| all.push_str("\"a\":0"))))),
    ("escapes", |n| skipped(&format!("\"{}\"", "\\u0041".repeat(n)))),
    ("a long number", |n| skipped(&format!("0.{}", "1".repeat(n)))),
    ("space", |n| skipped(&" ".repeat(n)) + "0"),
    ("scopes without a letter", |n| set(&entry(&alike(0), &many(n, |all, _| all.push_str("\"\""))), "")),
    ("scopes of one letter", |n| set(&entry(&alike(0), &many(n, |all, _| all.push_str("\"a\""))), "")),
    ("digests that begin alike", |n| set(&many(n, |all, at| all.push_str(&entry(&alike(at), ""))), "")),
    ("one digest", |n| set(&many(n, |all, _| all.push_str(&entry(&alike(0), ""))), "")),
];

#[test]
fn twice_as_much_takes_twice_the_memory_and_the_allocations() {
    for (what, text) in TEXTS {
        let [(once, bytes), (twice, _)] = [20_000, 40_000].map(|n| {
            let text = text(n);
            let mut bytes = 0;
            let made = allocations_in(|| {
                bytes = most_bytes_in(|| drop(AcceptSet::parse(text.as_bytes(), "a")));
            });
            let for_one = bytes / text.len() as i64;
            println!("{what}: {made} allocations, {for_one} bytes for each of {}", text.len());
            (made, for_one)
        });
        assert!(twice <= 2 * once + 100, "{what}: {twice} allocations for twice as much as {once} were for");
        assert!(bytes <= BYTES_FOR_ONE, "{what}: {bytes} bytes for each byte");
    }
}

#[test]
fn digests_that_begin_alike_are_found_each() {
    let text = set(&many(20_000, |all, at| all.push_str(&entry(&alike(at), ""))), "");
    let set = AcceptSet::parse(text.as_bytes(), "a").expect("a good set");
    for at in 0..20_000 {
        assert_eq!(set.find(&alike(at)).map(|entry| entry.digest), Some(alike(at)));
    }
    assert_eq!(set.find(&alike(20_000)), None);
}
