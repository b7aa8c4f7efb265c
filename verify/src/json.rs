//! A small strict JSON reader (RFC 8259), for input that may be hostile.
//!
//! It reads forward once and keeps no tree. Stricter than most: no key twice in an object at any level, no
//! number of 2^53 or more, bounded nesting. There is deliberately no way to read a fraction: what is
//! skipped may hold one, what is read is a string, a whole number, or null.

use std::{borrow::Cow, collections::BTreeSet};

/// How many objects and arrays may be open at once.
const MAX_DEPTH: u32 = 16;

/// 2^53: from here on a double no longer holds each whole number.
const TOO_LARGE: f64 = 9_007_199_254_740_992.0;

/// Why a text can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not JSON.
    Syntax,
    /// Nested too deep.
    Depth,
    /// A key stands twice in one object.
    DuplicateKey,
    /// A number of 2^53 or more, either side of zero.
    LargeNumber,
    /// JSON, but of another type than the one asked for.
    Type,
}

/// A place in a JSON text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Reads an object. `member` is handed each key, and has to read or skip its value.
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut seen = BTreeSet::new();
        self.items(b'{', b'}', |reader| {
            let key = reader.string().map_err(|_| JsonError::Syntax)?;
            if !seen.insert(key.clone()) {
                return Err(JsonError::DuplicateKey.into());
            }
            reader.expect(b':')?;
            member(reader, &key)
        })
    }

    /// Reads an array. `item` has to read or skip each of its values.
    pub(crate) fn array<E: From<JsonError>>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.items(b'[', b']', item)
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.begin(b'"')?;
        let mut decoded = String::new();
        let mut run = self.at;
        loop {
            match self.peek() {
                None | Some(0..0x20) => return Err(JsonError::Syntax),
                Some(b'"') if decoded.is_empty() => {
                    let whole = &self.text[run..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(whole));
                }
                Some(b'"') => {
                    decoded.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    return Ok(Cow::Owned(decoded));
                }
                Some(b'\\') => {
                    decoded.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    decoded.push(self.escape()?);
                    run = self.at;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// Reads a whole number, written with digits alone.
    pub(crate) fn integer(&mut self) -> Result<u64, JsonError> {
        match self.peek_value() {
            Some(b'-' | b'0'..=b'9') => self.number()?.parse().map_err(|_| JsonError::Type),
            other => Err(unexpected(other)),
        }
    }

    /// Reads a whole number or null.
    pub(crate) fn integer_or_null(&mut self) -> Result<Option<u64>, JsonError> {
        match self.peek_value() {
            Some(b'n') => self.word("null").map(|()| None),
            _ => self.integer().map(Some),
        }
    }

    /// Reads a value of any type and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek_value() {
            Some(b'{') => self.object(|reader, _| reader.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(JsonError::Syntax),
        }
    }

    /// Makes sure that nothing is left.
    pub(crate) fn end(mut self) -> Result<(), JsonError> {
        self.peek_value().map_or(Ok(()), |_| Err(JsonError::Syntax))
    }

    /// Reads what stands between two brackets, separated by commas.
    fn items<E: From<JsonError>>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin(open)?;
        if self.depth == MAX_DEPTH {
            return Err(JsonError::Depth.into());
        }
        self.depth += 1;
        if self.peek_value() == Some(close) {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                match self.peek_value() {
                    Some(b',') => self.at += 1,
                    _ => break self.expect(close)?,
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Passes the byte with which a value of the type asked for begins.
    fn begin(&mut self, first: u8) -> Result<(), JsonError> {
        match self.peek_value() {
            Some(byte) if byte == first => self.at += 1,
            other => return Err(unexpected(other)),
        }
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        self.begin(byte).map_err(|_| JsonError::Syntax)
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.pass(b"-");
        if !self.pass(b"0") {
            self.digits()?;
        }
        if self.pass(b".") {
            self.digits()?;
        }
        if self.pass(b"eE") {
            self.pass(b"+-");
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        match number.parse::<f64>() {
            Ok(value) if value.abs() < TOO_LARGE => Ok(number),
            _ => Err(JsonError::LargeNumber),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.pass(b"0123456789") {}
        if self.at == start { Err(JsonError::Syntax) } else { Ok(()) }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = self.peek().ok_or(JsonError::Syntax)?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(JsonError::Syntax),
        })
    }

    /// What follows `\u`: four hex digits, or a surrogate pair. Half a pair is no character.
    fn code_point(&mut self) -> Result<char, JsonError> {
        let first = self.code_unit()?;
        let pair = if (0xd800..0xdc00).contains(&first) {
            self.word("\\u")?;
            [first, self.code_unit()?]
        } else {
            [first, 0]
        };
        let units = if pair[1] == 0 { &pair[..1] } else { &pair[..] };
        char::decode_utf16(units.iter().copied()).next().and_then(Result::ok).ok_or(JsonError::Syntax)
    }

    fn code_unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(JsonError::Syntax)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(JsonError::Syntax);
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax)
    }

    /// Passes one byte if it is one of these.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let passes = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(passes);
        passes
    }

    fn peek_value(&mut self) -> Option<u8> {
        while self.pass(b" \t\n\r") {}
        self.peek()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// What is wrong with a value that does not begin as the one asked for.
fn unexpected(first: Option<u8>) -> JsonError {
    match first {
        Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => JsonError::Type,
        _ => JsonError::Syntax,
    }
}

#[cfg(test)]
mod tests;
