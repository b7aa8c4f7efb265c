//! From a set to JSON, always in the same bytes: every replica's answer has the same hash.

use std::fmt::{self, Write as _};

use super::{entry::Entry, set::AcceptSet};

pub(super) fn accept_set(set: &AcceptSet) -> String {
    let mut json = String::with_capacity(128 + 320 * set.entries.len());
    // A string takes whatever is written to it.
    let _: fmt::Result = write_set(&mut json, set);
    json
}

fn write_set(json: &mut String, set: &AcceptSet) -> fmt::Result {
    write!(json, r#"{{"format":1,"audience":{}"#, Text(&set.audience))?;
    write!(json, r#","freshness_ms":{},"hold_ms":{}"#, set.freshness_ms, set.hold_ms)?;
    if let Some(accept_within_ms) = set.accept_within_ms {
        write!(json, r#","accept_within_ms":{accept_within_ms}"#)?;
    }
    json.write_str(r#","entries":["#)?;
    separated(json, &set.entries, write_entry)?;
    json.write_str("]}")
}

fn write_entry(json: &mut String, entry: &Entry) -> fmt::Result {
    write!(json, r#"{{"digest":"{}","secret":{}"#, entry.digest, Text(&entry.secret))?;
    write!(json, r#","version":{},"stage":"{}""#, Text(&entry.version), entry.stage)?;
    write!(json, r#","client_id":{},"scopes":["#, Text(&entry.client_id))?;
    separated(json, &entry.scopes, |json, scope| write!(json, "{}", Text(scope)))?;
    write!(json, r#"],"created_ms":{},"grace_ms":{}"#, entry.created_ms, entry.grace_ms)?;
    match entry.not_after_ms {
        Some(deadline) => write!(json, r#","not_after_ms":{deadline}}}"#),
        None => json.write_str(r#","not_after_ms":null}"#),
    }
}

fn separated<T>(
    json: &mut String,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        write(json, item)?;
    }
    Ok(())
}

/// A JSON string. Only what must be escaped is.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' => f.write_str("\\\""),
                '\\' => f.write_str("\\\\"),
                '\u{8}' => f.write_str("\\b"),
                '\u{c}' => f.write_str("\\f"),
                '\n' => f.write_str("\\n"),
                '\r' => f.write_str("\\r"),
                '\t' => f.write_str("\\t"),
                '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(char)),
                _ => f.write_char(char),
            }?;
        }
        f.write_char('"')
    }
}
