//! How a value of Secrets Manager's holds the token: bare, or in a JSON object.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use zeroize::Zeroizing;

use crate::{
    store::Format,
    token::{Token, UnusableValue},
};

/// The member of the object that is the token.
const MEMBER: &str = "token";

/// A stored value does not fit its format. The message never shows any of it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("{}", self.as_str())]
pub(super) enum Unfit {
    Binary,
    Object,
    NoObject,
    NoToken(#[from] UnusableValue),
}

impl Unfit {
    /// What is wrong, and what to do.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "it is binary: put the token into the secret as a string",
            Self::Object => {
                "it is a JSON object, and `format` is plain: put the bare token there, or set `format: json`"
            }
            Self::NoObject => {
                "it is no JSON object with a member `token` that is a string: put one there, or set `format: plain`"
            }
            Self::NoToken(why) => why.as_str(),
        }
    }
}

/// The token in a value. One trailing line feed is ignored.
pub(super) fn token(value: Option<&str>, format: Format) -> Result<Token, Unfit> {
    let value = value.ok_or(Unfit::Binary)?;
    match format {
        Format::Plain if object(value).is_some() => Err(Unfit::Object),
        Format::Plain => Ok(Token::from_stored(value.as_bytes())?),
        Format::Json => {
            let object = object(value).ok_or(Unfit::NoObject)?;
            let member = object.get(MEMBER).ok_or(Unfit::NoObject)?;
            let text: String = serde_json::from_str(member.get()).map_err(|_| Unfit::NoObject)?;
            Ok(Token::from_stored(Zeroizing::new(text).as_bytes())?)
        }
    }
}

/// The value that holds the new token, and all else that the old one held; one that is no object held nothing else.
pub(super) fn replaced(old: Option<&str>, token: &Token, format: Format) -> Result<Zeroizing<String>, Unfit> {
    match format {
        Format::Plain => Ok(Zeroizing::new(token.expose().to_owned())),
        Format::Json => {
            let mut object = old.and_then(object).unwrap_or_default();
            object.insert(MEMBER.to_owned(), to_raw_value(token.expose()).map_err(|_| Unfit::NoObject)?);
            serde_json::to_string(&object).map(Zeroizing::new).map_err(|_| Unfit::NoObject)
        }
    }
}

/// Its members as they are written: what is not ours is not to be rounded or written otherwise.
fn object(value: &str) -> Option<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-that-somebody-made";

    #[test]
    fn a_bare_token_is_read_with_or_without_a_line_feed() {
        for value in [TOKEN.to_owned(), format!("{TOKEN}\n")] {
            assert_eq!(token(Some(&value), Format::Plain).expect("a token").expose(), TOKEN);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_format_is_told_apart() {
        for (value, format, want) in [
            (None, Format::Plain, Unfit::Binary),
            (None, Format::Json, Unfit::Binary),
            (Some(r#"{"token":"x"}"#), Format::Plain, Unfit::Object),
            (Some(TOKEN), Format::Json, Unfit::NoObject),
            (Some(r#"{"password":"x"}"#), Format::Json, Unfit::NoObject),
            (Some(r#"{"token":17}"#), Format::Json, Unfit::NoObject),
            (Some(r#"{"token":"short"}"#), Format::Json, Unfit::NoToken(UnusableValue::NotAToken)),
            (Some(""), Format::Plain, Unfit::NoToken(UnusableValue::NotAToken)),
        ] {
            assert_eq!(token(value, format).map(|_| ()), Err(want), "{value:?}");
        }
    }

    #[test]
    fn what_else_the_object_holds_is_kept_to_the_letter() {
        let old =
            r#"{"user":"bot\u00e9","token":"a-token-that-somebody-made","n":1.00e400,"tags":["b", "a"]}"#;
        let new = Token::from_stored(b"another-token-altogether").expect("a token");
        let value = replaced(Some(old), &new, Format::Json).expect("an object");
        assert_eq!(
            *value,
            r#"{"n":1.00e400,"tags":["b", "a"],"token":"another-token-altogether","user":"bot\u00e9"}"#
        );
        assert_eq!(token(Some(&value), Format::Json).expect("a token").expose(), new.expose());
        let value = replaced(Some("spoilt"), &new, Format::Json).expect("an object");
        assert_eq!(*value, r#"{"token":"another-token-altogether"}"#);
    }
}
