//! Secret values. Nothing that prints shows them: not `Debug`, not the log of calls.
//!
//! They are not wiped from memory: a fake holds no real secret.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Error, limits};

/// A `SecretString`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

/// A `SecretBinary`; base64 on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Binary(Vec<u8>);

/// What a version holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A `SecretString`.
    Text(Text),
    /// A `SecretBinary`.
    Binary(Binary),
}

impl Value {
    /// The value of a request that may have one (documented: one of the two, of 1 to 65,536 bytes;
    /// which code stands for which mistake is unverified).
    pub(super) fn of(text: Option<&Text>, binary: Option<&Binary>) -> Result<Option<Self>, Error> {
        let value = match (text, binary) {
            (Some(_), Some(_)) => {
                return Err(Error::parameter("You can't specify both SecretString and SecretBinary."));
            }
            (Some(text), None) => Self::Text(text.clone()),
            (None, Some(binary)) => Self::Binary(binary.clone()),
            (None, None) => return Ok(None),
        };
        match value.bytes() {
            0 => Err(Error::parameter("A secret value has at least one byte.")),
            1..=limits::VALUE_BYTES => Ok(Some(value)),
            _ => Err(Error::parameter("A secret value has at most 65536 bytes.")),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(Text(text)) => text.len(),
            Self::Binary(Binary(bytes)) => bytes.len(),
        }
    }
}

impl Text {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Binary {
    /// The value itself.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binary(…)")
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}
