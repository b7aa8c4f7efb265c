//! From JSON to a set. Whatever is wrong, nothing is kept.

use std::sync::Arc;

use super::{
    entry::{Entry, Stage},
    error::SetError,
    set::AcceptSet,
};
use crate::{digest::Digest, json::Reader};

/// The only format there is.
const FORMAT: u64 = 1;

pub(super) fn accept_set(json: &[u8], expected_audience: &str) -> Result<AcceptSet, SetError> {
    if json.len() > AcceptSet::MAX_BYTES {
        return Err(SetError::TooLarge);
    }
    let mut reader = Reader::new(std::str::from_utf8(json).map_err(|_| SetError::NotJson)?);
    let mut fields = SetFields::default();
    reader.object(|reader, key| fields.read(reader, key))?;
    reader.end()?;
    fields.finish(expected_audience)
}

#[derive(Default)]
struct SetFields {
    format: Option<u64>,
    audience: Option<Arc<str>>,
    freshness_ms: Option<u64>,
    hold_ms: Option<u64>,
    accept_within_ms: Option<u64>,
    entries: Option<Vec<Entry>>,
}

impl SetFields {
    fn read(&mut self, reader: &mut Reader<'_>, key: &str) -> Result<(), SetError> {
        match key {
            "format" => self.format = Some(reader.integer()?),
            "audience" => self.audience = Some(text(reader)?),
            "freshness_ms" => self.freshness_ms = Some(reader.integer()?),
            "hold_ms" => self.hold_ms = Some(reader.integer()?),
            "accept_within_ms" => self.accept_within_ms = Some(reader.integer()?),
            "entries" => {
                let mut entries = Vec::new();
                reader.array(|reader| entry(reader).map(|entry| entries.push(entry)))?;
                self.entries = Some(entries);
            }
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn finish(self, expected_audience: &str) -> Result<AcceptSet, SetError> {
        if required(self.format, "format")? != FORMAT {
            return Err(SetError::UnknownFormat);
        }
        let audience = required(self.audience, "audience")?;
        if *audience != *expected_audience {
            return Err(SetError::OtherAudience);
        }
        let freshness_ms = required(self.freshness_ms, "freshness_ms")?;
        let hold_ms = required(self.hold_ms, "hold_ms")?;
        let set = AcceptSet::new(audience, freshness_ms, hold_ms, required(self.entries, "entries")?)?;
        match self.accept_within_ms {
            Some(accept_within_ms) => set.with_accept_within(accept_within_ms),
            None => Ok(set),
        }
    }
}

#[derive(Default)]
struct EntryFields {
    digest: Option<Digest>,
    secret: Option<Arc<str>>,
    version: Option<Arc<str>>,
    stage: Option<Stage>,
    client_id: Option<Arc<str>>,
    scopes: Option<Arc<[Arc<str>]>>,
    created_ms: Option<u64>,
    grace_ms: Option<u64>,
    /// The outer one tells a missing key from null.
    not_after_ms: Option<Option<u64>>,
}

impl EntryFields {
    fn read(&mut self, reader: &mut Reader<'_>, key: &str) -> Result<(), SetError> {
        match key {
            "digest" => self.digest = Some(Digest::parse(&reader.string()?).ok_or(SetError::BadDigest)?),
            "secret" => self.secret = Some(text(reader)?),
            "version" => self.version = Some(text(reader)?),
            "stage" => self.stage = Some(Stage::from_name(&reader.string()?).ok_or(SetError::UnknownStage)?),
            "client_id" => self.client_id = Some(text(reader)?),
            "scopes" => {
                let mut scopes = Vec::new();
                reader.array(|reader| text(reader).map(|scope| scopes.push(scope)))?;
                self.scopes = Some(scopes.into());
            }
            "created_ms" => self.created_ms = Some(reader.integer()?),
            "grace_ms" => self.grace_ms = Some(reader.integer()?),
            "not_after_ms" => self.not_after_ms = Some(reader.integer_or_null()?),
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Entry, SetError> {
        Ok(Entry {
            digest: required(self.digest, "digest")?,
            secret: required(self.secret, "secret")?,
            version: required(self.version, "version")?,
            stage: required(self.stage, "stage")?,
            client_id: required(self.client_id, "client_id")?,
            scopes: required(self.scopes, "scopes")?,
            created_ms: required(self.created_ms, "created_ms")?,
            grace_ms: required(self.grace_ms, "grace_ms")?,
            not_after_ms: required(self.not_after_ms, "not_after_ms")?,
        })
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<Entry, SetError> {
    let mut fields = EntryFields::default();
    reader.object(|reader, key| fields.read(reader, key))?;
    fields.finish()
}

fn text(reader: &mut Reader<'_>) -> Result<Arc<str>, SetError> {
    Ok(Arc::from(&*reader.string()?))
}

fn required<T>(value: Option<T>, key: &'static str) -> Result<T, SetError> {
    value.ok_or(SetError::MissingKey(key))
}
