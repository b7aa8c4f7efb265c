//! A version's token: made of its id, so that a state needs to hold none.

use crossfade::rotation::ring::VersionId;
use crossfade_verify::{Digest, checksum};

/// One of our shape.
pub(crate) fn token_of(id: VersionId) -> String {
    let hex: String = id.to_string().chars().filter(|c| *c != '-').collect();
    let body = format!("mcp_{hex}{}", "A".repeat(11));
    let check = checksum(body.as_bytes()).map(char::from);
    body + &check.iter().collect::<String>()
}

/// What verifiers know of it.
pub(crate) fn digest_of(id: VersionId) -> Digest {
    Digest::of(token_of(id).as_bytes())
}
