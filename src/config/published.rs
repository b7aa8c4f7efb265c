//! Credentials that everybody knows, because they stand in documents of ours: for the tour on one machine.

use crossfade_verify::Digest;

/// Those of config.example.yaml and the README. A test looks through the documents for others.
const PUBLISHED: [&str; 2] = [
    "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf",
    "cfc_for-the-tour-only-never-use-it-as-a-bot----2hdIHn",
];

/// Whether this is the hash of one.
pub(super) fn is(digest: &Digest) -> bool {
    PUBLISHED.iter().any(|credential| Digest::of(credential.as_bytes()) == *digest)
}
