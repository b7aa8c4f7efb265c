//! How a value of Secrets Manager's holds the token: bare, or in a JSON object.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    store::Format,
    token::{Token, UnusableValue},
};

/// The member of the object that is the token.
const MEMBER: &str = "token";
/// What some editors write before a text. It is no part of JSON, and a reader may skip it (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A stored value does not fit its format. The message never shows any of it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("{}", self.as_str())]
pub(super) enum InvalidValue {
    Binary,
    /// Under `plain`.
    Object,
    /// Under `plain`: what begins like JSON, and is no object.
    Structure,
    /// Under `json`.
    NoObject,
    /// Under `json`: the member is there, and is an object or a list.
    NestedMember,
    /// Under `json`: an object without the member, or one whose member is no text.
    NoMember,
    NoToken(#[from] UnusableValue),
}

impl InvalidValue {
    /// What is wrong, and what to do.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "it is binary: put it into the secret as a string",
            Self::Object => {
                "it is a JSON object, and `format` is plain: put the bare token there, or set `format: json`"
            }
            Self::Structure => "it begins like JSON, and `format` is plain: put the bare token there",
            Self::NoObject => {
                "it is no JSON object, and `format` is json: put an object with a member `token` there, or set \
                 `format: plain` where it is to be the bare token"
            }
            Self::NestedMember => {
                "its member `token` is an object or a list: put the token there as a string"
            }
            Self::NoMember => "it is a JSON object without a member `token` that is a string: put one there",
            Self::NoToken(why) => why.as_str(),
        }
    }

    /// Whether a token in its place leaves everything else as it is.
    pub(super) const fn is_replaceable(self) -> bool {
        match self {
            Self::NoMember | Self::NoToken(_) => true,
            Self::Binary | Self::Object | Self::Structure | Self::NoObject | Self::NestedMember => false,
        }
    }
}

/// The token in a value. One trailing line feed is ignored.
pub(super) fn token(value: Option<&str>, format: Format) -> Result<Token, InvalidValue> {
    let value = value.ok_or(InvalidValue::Binary)?;
    match format {
        Format::Plain if Object::of(value).is_some() => Err(InvalidValue::Object),
        Format::Plain if is_list(value) => Err(InvalidValue::Structure),
        Format::Plain => Token::from_stored(value.as_bytes()).map_err(|why| match begins_like_json(value) {
            true => InvalidValue::Structure,
            false => InvalidValue::NoToken(why),
        }),
        Format::Json => {
            let object = Object::of(value).ok_or(InvalidValue::NoObject)?;
            // Where it stands twice, nearly every reader takes the last one (RFC 8259, section 4).
            let member = object.tokens().last().ok_or(InvalidValue::NoMember)?;
            if begins_like_json(member) {
                return Err(InvalidValue::NestedMember);
            }
            let text: String = serde_json::from_str(member).map_err(|_| InvalidValue::NoMember)?;
            Ok(Token::from_stored(Zeroizing::new(text).as_bytes())?)
        }
    }
}

fn is_list(value: &str) -> bool {
    serde_json::from_str::<Vec<IgnoredAny>>(value).is_ok()
}

fn begins_like_json(value: &str) -> bool {
    value.trim_start_matches(BYTE_ORDER_MARK).trim_start().starts_with(['{', '['])
}

/// The first value of a secret.
pub(super) fn first(token: &Token, format: Format) -> Result<Zeroizing<String>, InvalidValue> {
    match format {
        Format::Plain => Ok(Zeroizing::new(token.expose().to_owned())),
        Format::Json => with_token("{}", token),
    }
}

/// An object with the new token, in which not one other character has changed.
pub(super) fn with_token(old: &str, token: &Token) -> Result<Zeroizing<String>, InvalidValue> {
    let object = Object::of(old).ok_or(InvalidValue::NoObject)?;
    let token = Zeroizing::new(serde_json::to_string(token.expose()).map_err(|_| InvalidValue::NoObject)?);
    // Never grown: the smaller copy that is left behind would not be wiped.
    let room = object.text.len() + (object.members.len() + 1) * (token.len() + MEMBER.len() + 4);
    let mut new = Zeroizing::new(String::with_capacity(room));
    let mut rest = object.text;
    for old in object.tokens() {
        let (before, from) = rest.split_at(old.as_ptr() as usize - rest.as_ptr() as usize);
        new.push_str(before);
        new.push_str(&token);
        rest = &from[old.len()..];
    }
    if object.tokens().next().is_none() {
        let (before, members) = rest.split_once('{').ok_or(InvalidValue::NoObject)?;
        let comma = if object.members.is_empty() { "" } else { "," };
        for part in [before, "{\"", MEMBER, "\":", &token, comma] {
            new.push_str(part);
        }
        rest = members;
    }
    new.push_str(rest);
    Ok(new)
}

/// A JSON object as it is written: what is not ours is not to be rounded, sorted or written otherwise.
struct Object<'a> {
    /// Without a byte order mark.
    text: &'a str,
    /// Names and values, each as a part of the text.
    members: Vec<(&'a str, &'a str)>,
}

impl<'a> Object<'a> {
    fn of(value: &'a str) -> Option<Self> {
        let text = value.strip_prefix(BYTE_ORDER_MARK).unwrap_or(value);
        let Members(members) = serde_json::from_str(text).ok()?;
        Some(Self { text, members })
    }

    /// The values of the member that is the token, in their order; however its name is written.
    fn tokens(&self) -> impl Iterator<Item = &'a str> {
        let is_ours = |name: &str| serde_json::from_str::<String>(name).is_ok_and(|name| name == MEMBER);
        self.members.iter().filter(move |(name, _)| is_ours(name)).map(|(_, value)| *value)
    }
}

struct Members<'a>(Vec<(&'a str, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.push((name.get(), value.get()));
        }
        Ok(Members(members))
    }
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
            (None, Format::Plain, InvalidValue::Binary),
            (None, Format::Json, InvalidValue::Binary),
            (Some(r#"{"token":"x"}"#), Format::Plain, InvalidValue::Object),
            (Some(TOKEN), Format::Json, InvalidValue::NoObject),
            (Some(r#"["a","list"]"#), Format::Json, InvalidValue::NoObject),
            (Some(r#"{"password":"x"}"#), Format::Json, InvalidValue::NoMember),
            (Some(r#"{"token":17}"#), Format::Json, InvalidValue::NoMember),
            (Some(r#"{"token": {"value":"x"}}"#), Format::Json, InvalidValue::NestedMember),
            (Some(r#"{"token":["x"]}"#), Format::Json, InvalidValue::NestedMember),
            (Some(r#"{"token":"short"}"#), Format::Json, InvalidValue::NoToken(UnusableValue::NotAToken)),
            (Some(""), Format::Plain, InvalidValue::NoToken(UnusableValue::NotAToken)),
            (Some("[1, 2, 3]"), Format::Plain, InvalidValue::Structure),
            (Some(r#"["a-list","of-two"]"#), Format::Plain, InvalidValue::Structure),
            (Some("\u{feff}{\"token\":\"x\",}"), Format::Plain, InvalidValue::Structure),
            (Some("\u{feff}{\"token\":\"x\"}"), Format::Plain, InvalidValue::Object),
        ] {
            assert_eq!(token(value, format).map(|_| ()), Err(want), "{value:?}");
        }
    }

    fn replaced(old: &str) -> String {
        let new = Token::from_stored(b"another-token-altogether").expect("a token");
        let value = with_token(old, &new).expect("an object");
        assert_eq!(token(Some(&value), Format::Json).expect("a token").expose(), new.expose());
        value.to_string()
    }

    #[test]
    fn what_else_the_object_holds_is_kept_to_the_letter() {
        for old in [
            r#"{"user":"bot\u00e9","token":"a-token-that-somebody-made","n":1.00e400,"tags":["b", "a"]}"#,
            "{\r\n\t\"token\" : \"a-token-that-somebody-made\" ,\r\n\t\"n\" : -0\r\n}\r\n",
            r#"{"a":1,"token":"a-token-that-somebody-made","a":2,"half":"\ud800","\ud800":{"token":"theirs"}}"#,
            r#"{"token":"a-token-that-is-overridden","\u0074oken":"a-token-that-somebody-made"}"#,
        ] {
            let overridden = old.replace("a-token-that-is-overridden", TOKEN);
            assert_eq!(replaced(old), overridden.replace(TOKEN, "another-token-altogether"));
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let old = format!("\u{feff}{{\"token\":\"{TOKEN}\"}}");
        assert_eq!(token(Some(&old), Format::Json).expect("a token").expose(), TOKEN);
        assert_eq!(replaced(&old), r#"{"token":"another-token-altogether"}"#);
    }

    #[test]
    fn an_object_without_a_token_gets_one() {
        for (old, new) in [
            ("{}", r#"{"token":"another-token-altogether"}"#),
            (r#" {"n":1}"#, r#" {"token":"another-token-altogether","n":1}"#),
            (r#"{"token":null}"#, r#"{"token":"another-token-altogether"}"#),
        ] {
            assert_eq!(replaced(old), new);
        }
    }

    #[test]
    fn what_is_no_object_gets_no_token() {
        let new = Token::from_stored(b"another-token-altogether").expect("a token");
        for old in ["spoilt", "", "[]", "17", "{\"n\":1,}", "{} {}"] {
            assert_eq!(with_token(old, &new).map(|_| ()), Err(InvalidValue::NoObject), "{old}");
        }
    }
}
