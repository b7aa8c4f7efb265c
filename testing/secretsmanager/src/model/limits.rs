//! The quotas and the forms of parameters, each with its source.
//!
//! Not there: rates (`faults` throttles on order), and quotas on the number of secrets.

use super::Error;

/// Versions of a secret (documented: "Secrets Manager quotas").
pub const VERSIONS: usize = 100;
/// No version younger than this is ever removed (documented: `PutSecretValue`).
pub const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// Labels over all versions of a secret (documented: "Secrets Manager quotas"); that AWSPREVIOUS,
/// which the service attaches itself, counts too is unverified.
pub const LABELS: usize = 20;
/// Bytes of a value (documented: "Secrets Manager quotas").
pub const VALUE_BYTES: usize = 65_536;
/// Tags of a secret (documented: "Secrets Manager quotas").
pub const TAGS: usize = 50;

/// Which code AWS gives for a token of the wrong length is unverified; the documents name this one.
pub(super) fn token(token: Option<&str>) -> Result<&str, Error> {
    // Documented: who sends raw requests has to make one. Code and message are measured.
    let missing = "You must provide a ClientRequestToken value. We recommend a UUID-type value.";
    let token = token.ok_or_else(|| Error::request(missing))?;
    between(token, 32, 64).then_some(token).ok_or_else(|| Error::parameter(token_form()))
}

pub(super) fn version_id(id: Option<&str>) -> Result<(), Error> {
    match id {
        Some(id) if !between(id, 32, 64) => {
            Err(Error::parameter("A version id has between 32 and 64 characters."))
        }
        _ => Ok(()),
    }
}

/// Documented: `PutSecretValue`, `UpdateSecretVersionStage`.
pub(super) fn label(label: &str) -> Result<(), Error> {
    let form = "A staging label has between 1 and 256 characters.";
    between(label, 1, 256).then_some(()).ok_or_else(|| Error::parameter(form))
}

/// Documented: `PutSecretValue` takes between 1 and 20.
pub(super) fn labels(asked: &[String]) -> Result<(), Error> {
    if asked.is_empty() || asked.len() > LABELS {
        return Err(Error::parameter("VersionStages has between 1 and 20 items."));
    }
    asked.iter().try_for_each(|asked| label(asked))
}

/// Documented: `Tag`, `TagResource`.
pub(super) fn tag(key: &str, value: &str) -> Result<(), Error> {
    if !between(key, 1, 128) || !between(value, 0, 256) {
        return Err(Error::parameter("A tag's key has 1 to 128 characters, its value up to 256."));
    }
    if key.starts_with("aws:") {
        return Err(Error::parameter("The prefix aws: is reserved."));
    }
    Ok(())
}

/// The size of a page (documented: `ListSecretVersionIds`, `ListSecrets`).
pub(super) fn page(max_results: Option<i32>) -> Result<usize, Error> {
    let size = max_results.unwrap_or(100);
    usize::try_from(size)
        .ok()
        .filter(|size| (1..=100).contains(size))
        .ok_or_else(|| Error::parameter("MaxResults must be between 1 and 100."))
}

fn token_form() -> &'static str {
    "ClientRequestToken must be 32-64 characters long."
}

fn between(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count())
}
