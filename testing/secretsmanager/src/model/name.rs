//! Names and ARNs, and which secret a `SecretId` means.
//!
//! There is one account and one region; an ARN of another is that of no secret.

use super::Error;

/// Of all secrets here.
pub(super) const REGION: &str = "us-east-1";

const PREFIX: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
/// The hyphen and the six characters that the service adds to the name.
const SUFFIX: usize = 7;

/// Documented: `CreateSecret`; the code is recorded.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c);
    if (1..=512).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let form = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
                following: -/_+=.@!";
    Err(Error::caller("ValidationException", form))
}

/// The ARN of the `nth` secret that was ever made. Its six characters look random, as AWS's are, so
/// that nobody guesses them, and are the same in every run.
pub(super) fn arn(name: &str, nth: u64) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rest = scramble(nth);
    let suffix: String = (0..SUFFIX - 1)
        .map(|_| {
            let index = usize::try_from(rest % 62).unwrap_or_default();
            rest /= 62;
            char::from(ALPHABET[index])
        })
        .collect();
    format!("{PREFIX}{name}-{suffix}")
}

/// Whether that `SecretId` means the secret with this name and ARN (documented: it is a name, a whole
/// ARN, or an ARN without the suffix; one whose name itself ends in a hyphen and six characters is taken
/// for a whole one, and so for another secret's).
pub(super) fn means(id: &str, name: &str, arn: &str) -> bool {
    let partial = arn.len().checked_sub(SUFFIX).and_then(|end| arn.get(..end));
    id == name || id == arn || (Some(id) == partial && !ends_like_an_arn(name))
}

fn ends_like_an_arn(name: &str) -> bool {
    let suffix = name.len().checked_sub(SUFFIX).and_then(|at| name.get(at..));
    let six = suffix.and_then(|suffix| suffix.strip_prefix('-'));
    six.is_some_and(|six| six.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// SplitMix64: well spread, and the same everywhere.
pub(crate) fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
