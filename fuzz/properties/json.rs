//! Input: a JSON value, which stands in a set under a key that nobody knows.

use crossfade_verify::{AcceptSet, SetError};

/// What is skipped is read as strictly as all else; what is called no JSON is none for others either.
pub(crate) fn hold(input: &[u8]) {
    let set = br#"{"format":1,"audience":"a","freshness_ms":1000,"hold_ms":1000,"entries":[],"later":"#;
    let text = [&set[..], input, b"}"].concat();
    let theirs = serde_json::from_slice::<serde_json::Value>(&text);
    match AcceptSet::parse(&text, "a") {
        Ok(_) => assert!(theirs.is_ok(), "read here and nowhere else"),
        Err(SetError::NotJson) => assert!(theirs.is_err(), "read everywhere but here"),
        Err(_) => {}
    }
}
