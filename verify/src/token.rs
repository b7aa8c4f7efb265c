//! What can be said of a presented string without any set.
//!
//! The checksum is no secret and proves nothing: it tells a token that was cut or mistyped from one
//! that is unknown, so that such a string is refused without asking anybody.

use crate::crc::crc32;

/// The alphabet of the checksum, in the order of its digits.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What each character is as a digit.
static VALUES: [u8; 256] = values();

/// What no digit is.
const NO_DIGIT: u8 = u8::MAX;

/// The most that stands before the underscore.
const PREFIX_LEN: usize = 5;

const CHECKSUM_LEN: usize = 6;

/// 32 bytes as base64url.
const RANDOM_LEN: usize = 43;

/// How long a token may be, in bytes, whoever made it.
pub(crate) const LENGTHS: std::ops::RangeInclusive<usize> = 16..=512;

/// What a presented string looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A token of ours: `[a-z][a-z0-9]{0,4}_`, 43 characters of base64url, and their right checksum.
    Ours,
    /// A token that somebody else made: 16 to 512 visible ASCII characters.
    Foreign,
    /// No token: too short, too long, not visible ASCII, or ours with a wrong checksum.
    Malformed,
}

/// Tells what a presented string looks like.
pub fn shape(presented: &[u8]) -> Shape {
    if !LENGTHS.contains(&presented.len()) {
        return Shape::Malformed;
    }
    match split_ours(presented) {
        None if presented.iter().all(u8::is_ascii_graphic) => Shape::Foreign,
        None => Shape::Malformed,
        // All of its characters are visible ASCII.
        Some((body, check)) if check == u64::from(crc32(body)) => Shape::Ours,
        Some(_) => Shape::Malformed,
    }
}

/// The six characters that end a token of ours: the CRC-32 (IEEE) of all bytes before them, in base62 with
/// the digits `0-9A-Za-z`, most significant first, zero-padded.
pub fn checksum(body: &[u8]) -> [u8; 6] {
    let mut rest = crc32(body);
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Body and checksum of what looks like one of ours, whether the checksum is right or not.
fn split_ours(presented: &[u8]) -> Option<(&[u8], u64)> {
    let underscore = presented.iter().take(PREFIX_LEN + 1).position(|b| *b == b'_')?;
    let (prefix, rest) = presented.split_at(underscore);
    let (random, check) = rest[1..].split_first_chunk::<RANDOM_LEN>()?;
    let check: &[u8; CHECKSUM_LEN] = check.try_into().ok()?;
    let fits = is_prefix(prefix) && is_base64url(random);
    let check = number(check)?;
    fits.then(|| (&presented[..presented.len() - CHECKSUM_LEN], check))
}

/// What six digits of base62 say. Each number has one way of writing it.
fn number(digits: &[u8; CHECKSUM_LEN]) -> Option<u64> {
    let values = digits.map(|digit| VALUES[usize::from(digit)]);
    let number = values.iter().fold(0, |number, value| number * 62 + u64::from(*value));
    values.iter().all(|value| *value != NO_DIGIT).then_some(number)
}

fn is_prefix(prefix: &[u8]) -> bool {
    let [first, rest @ ..] = prefix else { return false };
    first.is_ascii_lowercase()
        && rest.len() < PREFIX_LEN
        && rest.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Each character is looked at, whatever the ones before it are, and three times sixteen of them: so the
/// compiler takes sixteen at once.
fn is_base64url(text: &[u8; RANDOM_LEN]) -> bool {
    let mut padded = [b'A'; 48];
    padded[..RANDOM_LEN].copy_from_slice(text);
    let odd = padded.map(|byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        u8::from(!(letter | digit | (byte == b'-') | (byte == b'_')))
    });
    odd.iter().fold(0, |any, odd| any | odd) == 0
}

const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < BASE62.len() {
        values[BASE62[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_crc_32_in_base62_with_zeros_before_it() {
        assert_eq!(checksum(b""), *b"000000");
        // The check value of CRC-32/ISO-HDLC: 0xCBF43926 = 3421780262.
        assert_eq!(checksum(b"123456789"), *b"3jZRME");
    }

    #[test]
    fn any_byte_that_is_not_visible_ascii_makes_a_string_malformed() {
        for byte in 0..=u8::MAX {
            let presented = [&[b'x'; 15][..], &[byte]].concat();
            let want = if (0x21..=0x7e).contains(&byte) { Shape::Foreign } else { Shape::Malformed };
            assert_eq!(shape(&presented), want, "{byte:#04x}");
        }
    }
}
