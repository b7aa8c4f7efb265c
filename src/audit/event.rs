//! What an entry says.

use serde::Serialize;

/// What was done.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Action {
    Created,
    Staged,
    Noted,
    Promoted,
    Dropped,
    Retired,
    Ended,
    Paused,
    Resumed,
    Kept,
    Tidied,
    TokenHandedOut,
    Order,
}

/// What came of it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not, and will not be.
    Refused,
    /// It was not, or nobody knows.
    Failed,
}

/// Whom an entry is about, and so in which queue it waits.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// A step, an order, a person on the admin socket.
    Us,
    /// A client of `listen`.
    Caller,
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// What was done.
    pub action: Action,
    /// To which secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// To which version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// By whom: `daemon`, `uid:1000`, `client:slack-bot`.
    pub actor: String,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, or what exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Event {
    /// One that says nothing but this.
    pub fn new(action: Action, actor: impl Into<String>, outcome: Outcome) -> Self {
        let (secret, version, peer, detail) = Default::default();
        Self { action, secret, version, actor: actor.into(), peer, outcome, detail }
    }

    /// The same, with texts so short that the line fits: better a cut text than a lost entry.
    pub(super) fn bounded(self) -> Self {
        // Together with the names and the numbers this stays below `LINE_BYTES`. A secret's name on
        // AWS has at most 512 characters, its ARN about a hundred more.
        let short = |text: Option<String>, most| text.map(|text| cut(text, most));
        Self {
            secret: short(self.secret, 768),
            version: short(self.version, 128),
            actor: cut(self.actor, 512),
            peer: short(self.peer, 512),
            detail: short(self.detail, 1536),
            ..self
        }
    }
}

/// As much of a text as takes `most` bytes once JSON has escaped it.
fn cut(text: String, most: usize) -> String {
    const MARK: char = '…';
    let (mut used, mut keep) = (0, 0);
    for (at, char) in text.char_indices() {
        used += escaped_bytes(char);
        if used > most {
            return text[..keep].chars().chain([MARK]).collect();
        }
        // The mark has to fit too.
        if used + MARK.len_utf8() <= most {
            keep = at + char.len_utf8();
        }
    }
    text
}

/// At least what JSON makes of it.
fn escaped_bytes(char: char) -> usize {
    match char {
        '"' | '\\' => 2,
        char if char.is_ascii_control() => r"\u0000".len(),
        char => char.len_utf8(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One that says this.
    pub(in super::super) fn event(detail: &str) -> Event {
        Event {
            action: Action::Order,
            secret: Some("mcp/slack-bot-token".to_owned()),
            version: None,
            actor: "uid:0".to_owned(),
            peer: None,
            outcome: Outcome::Done,
            detail: Some(detail.to_owned()),
        }
    }

    #[test]
    fn a_text_is_cut_only_where_it_is_too_long_and_shows_it() {
        for (text, want) in [("", ""), ("12345", "12345"), ("123456", "12…"), ("\u{1}", "…"), ("ééé", "é…")]
        {
            assert_eq!(cut(text.to_owned(), 5), want, "{text:?}");
        }
    }
}
