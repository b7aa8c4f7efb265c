//! `If-None-Match`: which contents a caller has already (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, HeaderValue, header};

/// The list of what a caller has, as it was sent: it is kept for as long as the request is held.
#[derive(Debug)]
pub(super) struct IfNoneMatch(Box<[u8]>);

impl IfNoneMatch {
    /// One header or several, each a list.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values: Vec<&[u8]> =
            headers.get_all(header::IF_NONE_MATCH).iter().map(HeaderValue::as_bytes).collect();
        Self(values.join(&b", "[..]).into())
    }

    /// Whether it needs nothing new while this content counts: its tag is in the list, or `*` is all of it. Tags are compared
    /// weakly. What is no list names nothing.
    pub(super) fn has(&self, tag: &[u8]) -> bool {
        *self.0 == *b"*" || self.tags(tag).is_some_and(|(_, same)| same > 0)
    }

    /// Whether it names this content alone. A cache between a verifier and us may list what it has for others, and that says
    /// of nobody that he has applied it.
    pub(super) fn is_just(&self, tag: &[u8]) -> bool {
        self.tags(tag) == Some((1, 1))
    }

    /// How many tags there are, each `"…"` or `W/"…"` and maybe with commas in it, and how many of them are this one.
    fn tags(&self, tag: &[u8]) -> Option<(usize, usize)> {
        let (mut all, mut same) = (0, 0);
        let mut list = self.0.trim_ascii();
        while !list.is_empty() {
            // An element may be empty (RFC 9110, section 5.6.1.2).
            if !list.starts_with(b",") {
                list = list.strip_prefix(b"W/").unwrap_or(list);
                let end = list.strip_prefix(b"\"")?.iter().position(|byte| *byte == b'"')? + 2;
                all += 1;
                same += usize::from(list[..end] == *tag);
                list = list[end..].trim_ascii_start();
            }
            list = if list.is_empty() { list } else { list.strip_prefix(b",")?.trim_ascii_start() };
        }
        Some((all, same))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: &'static str) -> IfNoneMatch {
        IfNoneMatch::of(&[(header::IF_NONE_MATCH, HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn tags_stand_in_a_list_and_what_is_none_names_nothing() {
        for (value, has, is_just) in [
            ("\"a\"", true, true),
            ("W/\"a\"", true, true),
            (" \"a\" ", true, true),
            ("\"b\", \"a\"", true, false),
            ("\"b,\" ,W/\"a\"", true, false),
            ("*", true, false),
            ("\"b\"", false, false),
            ("\"b,a,\"", false, false),
            ("a", false, false),
            ("\"a", false, false),
            ("w/\"a\"", false, false),
            ("\"a\" \"b\"", false, false),
            (",\"a\", ,", true, true),
            ("\"*\"", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (known(value).has(b"\"a\""), known(value).is_just(b"\"a\"")),
                (has, is_just),
                "{value}"
            );
        }
        assert!(!IfNoneMatch::of(&HeaderMap::new()).has(b"\"a\""));
    }
}
