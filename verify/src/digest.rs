//! What is known of a token everywhere but at its bot and in the store.
//!
//! A token holds 256 random bits, so its plain SHA-256 can't be turned back: a digest may be sent, kept
//! and printed. There is no salt and no slow hash, on purpose.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use base64::{Engine as _, display::Base64Display, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use constant_time_eq::constant_time_eq_32;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a token.
///
/// Equality takes the same time whatever the bytes are. As text it is base64url of 43 characters,
/// without padding.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a token's bytes.
    pub fn of(token: &[u8]) -> Self {
        // Ours have this length as a rule. Where the compiler knows it, it does the padding beforehand.
        match <&[u8; 53]>::try_from(token) {
            Ok(token) => Self(Sha256::digest(token).into()),
            Err(_) => Self(Sha256::digest(token).into()),
        }
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what `Display` writes, and nothing else: no padding, no other alphabet, and no second way of
    /// writing the same digest.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 33]; // The decoder wants room for whole groups of three.
        match BASE64URL.decode_slice(text, &mut bytes) {
            Ok(32) => bytes.first_chunk().copied().map(Self),
            _ => None,
        }
    }

    /// The first eight bytes, as a number that sorts as they do.
    pub(crate) fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq_32(&self.0, &other.0)
    }
}

impl Eq for Digest {}

/// All of it, so that whoever chooses how digests begin does not choose what they hash to.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// By bytes, and not in constant time: for sorting sets, never for judging a presented token.
impl Ord for Digest {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(&self.0, &BASE64URL).fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";

    #[test]
    fn a_digest_is_the_sha_256_of_the_tokens_bytes() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(format!("{:?}", Digest::of(b"abc")), ABC);
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Digest::parse(ABC), Some(Digest::of(b"abc")));
    }

    #[test]
    fn only_the_one_canonical_text_is_read() {
        let cases = [
            ("empty", String::new()),
            ("a character short", ABC[..42].to_owned()),
            ("a character long", format!("{ABC}A")),
            ("a byte long", format!("{ABC}A=")),
            ("padded", format!("{ABC}=")),
            ("of the other alphabet", ABC.replace('-', "+").replace('_', "/")),
            ("with bits left over in the last character", ABC[..42].to_owned() + "1"),
            ("with a space before it", format!(" {ABC}")),
            ("hex", "ba7816bf8f01cfea414140de5dae2223b00361a3".to_owned()),
        ];
        for (what, text) in cases {
            assert_eq!(Digest::parse(&text), None, "{what}");
        }
    }

    #[test]
    fn each_of_the_32_bytes_counts() {
        let digest = Digest::of(b"abc");
        for at in 0..32 {
            let mut bytes = *digest.as_bytes();
            bytes[at] ^= 1;
            assert_ne!(Digest::from_bytes(bytes), digest, "byte {at}");
        }
    }
}
