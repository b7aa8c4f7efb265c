//! A version's token: made of its id, so that a state needs to hold none.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use crossfade::rotation::ring::VersionId;
use crossfade_verify::{Digest, token::checksum};

thread_local! {
    /// What was made once: there are few versions, and very many verdicts.
    static MADE: RefCell<HashMap<VersionId, (Arc<str>, Digest)>> = RefCell::default();
}

/// One of our shape.
pub(crate) fn token_of(id: VersionId) -> Arc<str> {
    made(id).0
}

/// What verifiers know of it.
pub(crate) fn digest_of(id: VersionId) -> Digest {
    made(id).1
}

fn made(id: VersionId) -> (Arc<str>, Digest) {
    let made = || {
        let token = make(id);
        let digest = Digest::of(token.as_bytes());
        (token.into(), digest)
    };
    MADE.with_borrow_mut(|known| known.entry(id).or_insert_with(made).clone())
}

fn make(id: VersionId) -> String {
    let hex: String = id.to_string().chars().filter(|c| *c != '-').collect();
    let body = format!("mcp_{hex}{}", "A".repeat(11));
    let check = checksum(body.as_bytes()).map(char::from);
    body + &check.iter().collect::<String>()
}
