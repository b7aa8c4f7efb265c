//! Tokens: the only type that holds a secret value outside the stores.
//!
//! A [`Token`] can't be printed, compared or cloned, and is wiped when it is dropped. Whoever needs
//! the characters says so with [`Token::expose`]; there are few such places, and they are audited.

use std::fmt;

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use crossfade_verify::{
    Digest,
    token::{Shape, checksum, shape},
};
use rand::TryRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::rotation::ring::VersionId;

/// A bearer token.
pub struct Token(SecretString);

/// The operating system's randomness could not be had; nothing weaker is used in its place.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness: no token was made")]
pub struct NoRandomness(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A stored value can't be a token. The message never shows any of it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum UnusableValue {
    /// Outside 16 to 512 visible ASCII characters.
    #[error("{}", self.as_str())]
    NotAToken,
    /// Looks like one of ours.
    #[error("{}", self.as_str())]
    WrongChecksum,
}

impl UnusableValue {
    /// What is wrong, and what to do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAToken => {
                "it is not a bare token of 16 to 512 visible ASCII characters: put one into the secret, without quotes, \
                 JSON or line breaks"
            }
            Self::WrongChecksum => {
                "it looks like one of our tokens, but its checksum is wrong: it was cut or mistyped; put the whole token \
                 into the secret"
            }
        }
    }
}

impl Token {
    /// A new token: `<prefix>_`, 32 random bytes as base64url, and a checksum of six characters, by
    /// which a cut or mistyped token is told from an unknown one.
    pub fn generate<R: TryRng>(prefix: &str, rng: &mut R) -> Result<Self, NoRandomness>
    where
        R::Error: Send + Sync + 'static,
    {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rng.try_fill_bytes(bytes.as_mut()).map_err(|e| NoRandomness(Box::new(e)))?;
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 50));
        text.push_str(prefix);
        text.push('_');
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        let check = checksum(text.as_bytes());
        text.extend(check.iter().map(|b| char::from(*b)));
        Ok(Self(SecretString::from(text.as_str())))
    }

    /// A token that a store holds. One trailing line feed is ignored.
    pub fn from_stored(value: &[u8]) -> Result<Self, UnusableValue> {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let text = str::from_utf8(value).map_err(|_| UnusableValue::NotAToken)?;
        match shape(value) {
            Shape::Ours | Shape::Foreign => Ok(Self(SecretString::from(text))),
            Shape::Malformed if looks_like_a_token(value) => Err(UnusableValue::WrongChecksum),
            Shape::Malformed => Err(UnusableValue::NotAToken),
        }
    }

    /// What verifiers know of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }

    /// Whether somebody else made it.
    pub fn is_foreign(&self) -> bool {
        shape(self.expose().as_bytes()) == Shape::Foreign
    }

    /// The characters. Not for logs, errors or anything else that is kept.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Within the limits of a token: a wrong checksum is the only thing left to be malformed.
fn looks_like_a_token(value: &[u8]) -> bool {
    (16..=512).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Hands out current tokens, read from the store now, to any number of callers at once. `S` is how a secret is meant: by its
/// name, or by all that a store has to know of it.
#[async_trait]
pub trait Reveal<S: ?Sized = str>: Send + Sync {
    /// The current token of the secret, and its version.
    async fn reveal(&self, secret: &S) -> Result<(VersionId, Token), RevealError>;
}

/// Why a token could not be handed out.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The store holds no such secret, or an empty one.
    #[error("the secret has no version yet: is the daemon running, and the secret in its config?")]
    NoSuchSecret,
    /// The store can't be read, or what it holds can't be used.
    #[error("the token can't be read from the store")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
