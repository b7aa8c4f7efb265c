//! The file as a tree whose every node knows its place.
//!
//! It is read in two steps so that one mistake hides no other: YAML into this tree, and the tree
//! into checked values ([`section`](super::section)). What YAML takes for a number or a truth value stays
//! the text that stands in the file: which type a key has, only the second step knows.

use std::{fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    Location, Spanned, options,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};

use super::mistakes::{Mistake, Place};

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing stands after the key.
    Null,
    /// Text, as it is written.
    Scalar(String),
    /// What YAML takes for a number or a truth value, and where it stands, in bytes. In a finished tree: one
    /// whose text does not stand there as it is, because it is quoted and yet has such a tag.
    Typed(Range<usize>),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the file's order.
    Map(Vec<(Key, Node)>),
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

/// Parses YAML. Its own limits on depth, aliases and size hold.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    // Infinity is a text like any other here, and a key that stands twice is told in the second step.
    let options = options! {
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    };
    let tree: Result<Spanned<Value>, _> = serde_saphyr::from_str_with_options(text, options);
    let tree = tree.map(node).map_err(|error| {
        let place = error.location().map(place).unwrap_or_default();
        let message = error.without_snippet().to_string();
        // Only a tag makes a scalar invalid.
        let hint = if message.starts_with("invalid ") { "; take its tag off, and quote it" } else { "" };
        Mistake { place, message: format!("this is no well-formed YAML: {message}{hint}") }
    });
    tree.map(|tree| as_written(tree, text))
}

/// Puts in place of each number and truth value the text that it was made of.
fn as_written(mut node: Node, text: &str) -> Node {
    node.value = match node.value {
        Value::Typed(range) => match text.get(range.clone()) {
            Some(plain) if !plain.is_empty() && !plain.starts_with(['\'', '"', '!', '&']) => {
                Value::Scalar(plain.to_owned())
            }
            _ => Value::Typed(range),
        },
        Value::List(nodes) => Value::List(nodes.into_iter().map(|node| as_written(node, text)).collect()),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, node)| (key, as_written(node, text))).collect())
        }
        other => other,
    };
    node
}

fn place(location: Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(0);
    Place { line: number(location.line()), column: number(location.column()) }
}

fn node(spanned: Spanned<Value>) -> Node {
    let value = match spanned.value {
        Value::Typed(_) => Value::Typed(bytes(spanned.defined).unwrap_or_default()),
        other => other,
    };
    Node { place: place(spanned.referenced), value }
}

fn bytes(location: Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    Some(start..start + usize::try_from(span.byte_len()?).ok()?)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Typed(0..0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Typed(0..0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Typed(0..0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Typed(0..0))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(value) = list.next_element::<Spanned<Value>>()? {
            nodes.push(node(value));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let key = Key { place: place(key.referenced), name: key.value };
            entries.push((key, node(map.next_value::<Spanned<Value>>()?)));
        }
        Ok(Value::Map(entries))
    }
}
