//! Input: the audience that is asked for, a line feed, and the text of a set.

use crossfade_verify::AcceptSet;

/// A set that is read is sound, has one way of being written, and is read from that as it was.
pub(crate) fn hold(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(audience) = std::str::from_utf8(&input[..end]) else { return };
    let json = &input[end + 1..];
    let Ok(set) = AcceptSet::parse(json, audience) else { return };

    assert_eq!(set.audience(), audience);
    assert!((1_000..=3_600_000).contains(&set.freshness_ms()));
    assert!((set.freshness_ms()..=7 * 24 * 3_600_000).contains(&set.hold_ms()));
    let digests: Vec<_> = set.entries().iter().map(|entry| entry.digest).collect();
    assert!(digests.windows(2).all(|pair| pair[0] < pair[1]), "unsorted, or one twice");
    for entry in set.entries() {
        assert_eq!(set.find(&entry.digest), Some(entry));
    }
    assert!(serde_json::from_slice::<serde_json::Value>(json).is_ok(), "others don't take it for JSON");

    let canonical = set.to_json();
    let again = AcceptSet::parse(canonical.as_bytes(), audience).expect("what we write is read");
    assert_eq!(again.to_json(), canonical);
    assert_eq!(again.entries(), set.entries());

    let is_refused = |text: &str, why| assert!(AcceptSet::parse(text.as_bytes(), audience).is_err(), "{why}");
    is_refused(&canonical[..canonical.len() - 1], "cut off");
    is_refused(&format!("{canonical}]"), "something follows");
    is_refused(&canonical.replacen('{', "{\"format\":1,", 1), "a key twice");
    is_refused(&canonical.replacen("\"entries\"", "\"others\"", 1), "without entries");
    if let [first, ..] = set.entries() {
        let twice = set.entries().iter().chain([first]).cloned().collect();
        assert!(
            AcceptSet::new(audience, set.freshness_ms(), set.hold_ms(), twice).is_err(),
            "a digest twice"
        );
    }
    assert!(AcceptSet::parse(json, &format!("{audience}x")).is_err(), "of another audience");
}
