//! One secret's rows.
//!
//! Each version's row is sealed with everything that it says; the secret's own row is sealed over its
//! revision and over every version's seal. So no row can be edited, swapped, left out or put back as
//! it was before, without the others.

use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::{
    error::DatabaseError,
    seal::{Bound, Sealer},
};
use crate::{
    rotation::ring::{Findings, Previous, Ring, Version, VersionId},
    time::Timestamp,
    token::Token,
};

/// Ids that may be derived for the successors of one version before a person is needed.
pub(super) const ATTEMPTS: u32 = 8;

/// Where a version stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Stage {
    Current,
    Pending,
    Previous,
    /// Dropped or retired: no value is left, only the id, so that it is not derived again.
    Gone,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Pending => "pending",
            Self::Previous => "previous",
            Self::Gone => "gone",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Current, Self::Pending, Self::Previous, Self::Gone].into_iter().find(|s| s.as_str() == text)
    }
}

/// What a version's row says in clear.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Facts {
    id: VersionId,
    stage: Stage,
    /// The revision that gave it this stage: previous versions are in the order in which they were
    /// replaced.
    since: u64,
    created: Timestamp,
    deadline: Option<Timestamp>,
    ended: Option<Timestamp>,
    note: Option<Timestamp>,
}

impl Facts {
    fn of(version: &Version, stage: Stage, deadline: Option<Timestamp>, since: u64) -> Self {
        let Version { id, created, ended, note, .. } = *version;
        Self { id, stage, since, created, deadline, ended, note }
    }

    fn bound(&self, secret: &str) -> Bound {
        Bound::to("version")
            .bytes(secret.as_bytes())
            .bytes(self.id.to_string().as_bytes())
            .bytes(self.stage.as_str().as_bytes())
            .number(self.since)
            .time(self.created)
            .maybe(self.deadline)
            .maybe(self.ended)
            .maybe(self.note)
    }
}

/// A version's row, opened.
struct StoredVersion {
    facts: Facts,
    sealed: Vec<u8>,
    /// None where it is gone.
    token: Option<Token>,
}

/// All that the database holds of one secret. Its seals were checked.
pub(super) struct Record {
    pub(super) revision: u64,
    paused: Option<Timestamp>,
    kept: Option<Timestamp>,
    versions: Vec<StoredVersion>,
}

impl Record {
    /// Reads it; none where the secret does not exist.
    pub(super) fn load(
        connection: &Connection,
        sealer: &Sealer,
        secret: &str,
    ) -> Result<Option<Self>, DatabaseError> {
        let damaged = || DatabaseError::damaged(&format!("the record of {secret:?}"));
        let mut query = connection.prepare("SELECT * FROM versions WHERE secret = ? ORDER BY id")?;
        let rows = query.query_map([secret], facts)?.collect::<Result<Vec<_>, _>>()?;
        let mut query = connection.prepare("SELECT * FROM secrets WHERE name = ?")?;
        let own = query.query_row([secret], |row| {
            let revision = row.get("revision").map(i64::cast_unsigned)?;
            Ok((revision, time(row, "paused_ms")?, time(row, "kept_ms")?, row.get::<_, Vec<u8>>("seal")?))
        });
        let Some((revision, paused, kept, seal)) = own.optional()? else {
            return if rows.is_empty() { Ok(None) } else { Err(damaged()) };
        };
        let mut versions = Vec::with_capacity(rows.len());
        for row in rows {
            let (facts, sealed) = row.ok_or_else(damaged)?;
            let value = sealer.open(facts.bound(secret), &sealed).ok_or_else(damaged)?;
            let token = match facts.stage {
                Stage::Gone => None,
                _ => Some(
                    Token::from_stored(&value).map_err(|error| DatabaseError::Damaged(Box::new(error)))?,
                ),
            };
            versions.push(StoredVersion { facts, sealed, token });
        }
        let record = Self { revision, paused, kept, versions };
        if sealer.vouches_for(record.bound(secret), &seal) { Ok(Some(record)) } else { Err(damaged()) }
    }

    /// Its versions. What is sealed and still contradicts itself is not believed either.
    pub(super) fn ring(&self) -> Result<Ring, DatabaseError> {
        let (mut current, mut pending, mut previous) = (Vec::new(), Vec::new(), Vec::new());
        for StoredVersion { facts, token, .. } in &self.versions {
            let (Some(token), Facts { id, created, ended, note, .. }) = (token, *facts) else { continue };
            let version =
                Version { id, created, digest: token.digest(), foreign: token.is_foreign(), ended, note };
            match (facts.stage, facts.deadline) {
                (Stage::Current, None) => current.push(version),
                (Stage::Pending, None) => pending.push(version),
                (Stage::Previous, Some(deadline)) => {
                    previous.push((facts.since, Previous { version, deadline }))
                }
                _ => return Err(DatabaseError::damaged("a version's deadline")),
            }
        }
        previous.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
        let previous = previous.into_iter().map(|(_, previous)| previous).collect();
        let (&[current], pending @ ([] | [_])) = (&*current, &*pending) else {
            return Err(DatabaseError::damaged("the list of versions"));
        };
        let pending = pending.first().copied();
        Ok(Ring {
            current,
            pending,
            previous,
            paused: self.paused,
            kept: self.kept,
            findings: Findings::default(),
        })
    }

    /// The current version's token.
    pub(super) fn into_current(self) -> Result<(VersionId, Token), DatabaseError> {
        let current = self.versions.into_iter().find(|stored| stored.facts.stage == Stage::Current);
        let current = current.and_then(|stored| Some((stored.facts.id, stored.token?)));
        current.ok_or_else(|| DatabaseError::damaged("the list of versions"))
    }

    /// An id that no successor of this version has borne yet, so that none can come back.
    pub(super) fn unused_id(&self, secret: &str, current: VersionId) -> Option<VersionId> {
        let borne = |id: &VersionId| self.versions.iter().any(|stored| stored.facts.id == *id);
        successors(secret, current).find(|id| !borne(id))
    }

    fn bound(&self, secret: &str) -> Bound {
        let rows = self.versions.iter().map(|stored| (stored.facts.id, stored.sealed.as_slice()));
        own_row(secret, self.revision, self.paused, self.kept, rows)
    }
}

/// Writes what has changed between the record and the ring.
pub(super) fn save(
    connection: &Connection,
    sealer: &Sealer,
    secret: &str,
    before: Option<&Record>,
    ring: &Ring,
    made: Option<&Token>,
) -> Result<(), DatabaseError> {
    let versions = before.map_or(&[][..], |record| &record.versions);
    let revision = before.map_or(0, |record| record.revision) + 1;
    let mut rows = Vec::with_capacity(versions.len() + 1);
    for facts in facts_of(secret, versions, ring, revision) {
        let known = versions.iter().find(|stored| stored.facts.id == facts.id);
        if let Some(same) = known.filter(|stored| stored.facts == facts) {
            rows.push((facts.id, same.sealed.clone()));
            continue;
        }
        let token = match (facts.stage, known) {
            (Stage::Gone, _) => None,
            (_, Some(stored)) => stored.token.as_ref(),
            (_, None) => made,
        };
        let value = token.map_or(&[][..], |token| token.expose().as_bytes());
        let sealed = sealer.seal(facts.bound(secret), value)?;
        put(connection, secret, &facts, &sealed)?;
        rows.push((facts.id, sealed));
    }
    for stored in versions.iter().filter(|stored| rows.iter().all(|(id, _)| *id != stored.facts.id)) {
        let mut delete = connection.prepare("DELETE FROM versions WHERE secret = ? AND id = ?")?;
        delete.execute(params![secret, stored.facts.id.to_string()])?;
    }
    // In the order in which they are read.
    rows.sort_by_key(|(id, _)| id.to_string());
    let bound =
        own_row(secret, revision, ring.paused, ring.kept, rows.iter().map(|(id, s)| (*id, s.as_slice())));
    let mut put = connection
        .prepare("REPLACE INTO secrets (name, revision, paused_ms, kept_ms, seal) VALUES (?, ?, ?, ?, ?)")?;
    let (paused, kept) = (stored(ring.paused), stored(ring.kept));
    put.execute(params![secret, revision.cast_signed(), paused, kept, sealer.sign(bound)?])?;
    Ok(())
}

/// What the rows should say. A version that has left the ring stays, without its value, for as long
/// as its id could be derived again; that ends when the version before it is replaced.
fn facts_of(secret: &str, versions: &[StoredVersion], ring: &Ring, revision: u64) -> Vec<Facts> {
    let facts = |version: &Version, stage, deadline| {
        let known =
            versions.iter().find(|stored| stored.facts.id == version.id && stored.facts.stage == stage);
        Facts::of(version, stage, deadline, known.map_or(revision, |stored| stored.facts.since))
    };
    let current = facts(&ring.current, Stage::Current, None);
    let pending = ring.pending.as_ref().map(|version| facts(version, Stage::Pending, None));
    let previous = ring.previous.iter().map(|p| facts(&p.version, Stage::Previous, Some(p.deadline)));
    let gone = versions.iter().map(|stored| stored.facts).filter(|old| {
        ring.version(old.id).is_none() && successors(secret, ring.current.id).any(|id| id == old.id)
    });
    let gone = gone.map(|old| {
        let since = if old.stage == Stage::Gone { old.since } else { revision };
        Facts { stage: Stage::Gone, since, deadline: None, ended: None, note: None, ..old }
    });
    std::iter::once(current).chain(pending).chain(previous).chain(gone).collect()
}

fn successors(secret: &str, current: VersionId) -> impl Iterator<Item = VersionId> {
    (0..ATTEMPTS).map(move |attempt| VersionId::derive(secret, Some(current), attempt))
}

fn own_row<'a>(
    secret: &str,
    revision: u64,
    paused: Option<Timestamp>,
    kept: Option<Timestamp>,
    rows: impl Iterator<Item = (VersionId, &'a [u8])>,
) -> Bound {
    let own = Bound::to("secret").bytes(secret.as_bytes()).number(revision).maybe(paused).maybe(kept);
    rows.fold(own, |bound, (id, sealed)| bound.bytes(id.to_string().as_bytes()).bytes(sealed))
}

fn put(connection: &Connection, secret: &str, facts: &Facts, sealed: &[u8]) -> Result<(), DatabaseError> {
    let mut put = connection.prepare(
        "REPLACE INTO versions (secret, id, stage, since, created_ms, deadline_ms, ended_ms, note_ms, value) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let Facts { id, stage, since, created, deadline, ended, note } = *facts;
    put.execute(params![
        secret,
        id.to_string(),
        stage.as_str(),
        since.cast_signed(),
        created.as_millis().cast_signed(),
        stored(deadline),
        stored(ended),
        stored(note),
        sealed,
    ])?;
    Ok(())
}

/// A row as it stands; none where it says what we never write.
fn facts(row: &SqlRow<'_>) -> rusqlite::Result<Option<(Facts, Vec<u8>)>> {
    let id: String = row.get("id")?;
    let stage: String = row.get("stage")?;
    // Spelt as we spell it: another spelling of the same id would pass for the same row.
    let id_of = id.parse::<VersionId>().ok().filter(|parsed| parsed.to_string() == id);
    let (Some(id), Some(stage)) = (id_of, Stage::parse(&stage)) else { return Ok(None) };
    let facts = Facts {
        id,
        stage,
        since: row.get("since").map(i64::cast_unsigned)?,
        created: time(row, "created_ms")?.unwrap_or_default(),
        deadline: time(row, "deadline_ms")?,
        ended: time(row, "ended_ms")?,
        note: time(row, "note_ms")?,
    };
    Ok(Some((facts, row.get("value")?)))
}

fn time(row: &SqlRow<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|ms| Timestamp::from_millis(ms.cast_unsigned())))
}

/// The same bits: a deadline that has saturated is kept, too.
fn stored(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.as_millis().cast_signed())
}
