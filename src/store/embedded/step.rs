//! The transactions: one for a read, one for a step, one for the store's time.

use std::time::Duration;

use rand::rngs::SysRng;
use rusqlite::{Connection, TransactionBehavior};

use super::{
    error::DatabaseError,
    open_files::OpenFiles,
    options::TRAITS,
    record::{self, ATTEMPTS, Record},
    seal::Sealer,
    time::{Anchor, Time},
};
use crate::{
    clock::elapsed,
    rotation::{plan::Step, ring::VersionId, transition::after},
    store::Secret,
    time::Timestamp,
    token::Token,
};

/// A step whose transaction takes longer was stopped halfway (a suspended machine or process): the
/// deadlines in it would count from a time that is past. What stops between this check and the end of
/// the commit, some milliseconds later, is covered by the margin that a deadline has beyond the grace.
const LONGEST: Duration = Duration::from_secs(1);

/// What every transaction needs.
pub(super) struct TransactionContext {
    pub(super) sealer: Sealer,
    pub(super) open_files: OpenFiles,
    pub(super) time: Time,
}

/// A secret and the clock, as one transaction shows them.
pub(super) struct Snapshot {
    pub(super) record: Option<Record>,
    pub(super) anchor: Anchor,
    /// The store's time; none: nobody has said yet where it goes on after a reboot.
    pub(super) now: Option<Timestamp>,
}

/// Reads without writing.
pub(super) fn read(
    connection: &mut Connection,
    context: &TransactionContext,
    secret: &str,
) -> Result<Snapshot, DatabaseError> {
    let transaction = connection.transaction()?;
    let anchor = Anchor::load(&transaction, &context.sealer)?;
    let moment = context.time.moment();
    let now = anchor.now(&context.time, moment);
    if let Some(now) = now {
        context.time.compare(now, moment);
    }
    let record = Record::load(&transaction, &context.sealer, secret)?;
    Ok(Snapshot { record, anchor, now })
}

/// Writes the store's time down, and where it goes on after a reboot.
pub(super) fn note_time(
    connection: &mut Connection,
    context: &TransactionContext,
) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (_, anchor) =
        Anchor::load(&transaction, &context.sealer)?.settle(&context.time, context.time.moment());
    anchor.save(&transaction, &context.sealer)?;
    Ok(transaction.commit()?)
}

/// Decides and writes in one transaction: nobody else writes in between. The version that was made, if one was.
pub(super) fn apply(
    connection: &mut Connection,
    context: &TransactionContext,
    secret: &Secret,
    step: &Step,
    seen: u64,
) -> Result<Option<VersionId>, DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let begun = context.time.moment();
    let (now, anchor) = Anchor::load(&transaction, &context.sealer)?.settle(&context.time, begun);
    context.time.compare(now, begun);
    let before = Record::load(&transaction, &context.sealer, &secret.name)?;
    if before.as_ref().map_or(0, |record| record.revision) != seen {
        return Err(DatabaseError::Conflict);
    }
    let ring = before.as_ref().map(Record::ring).transpose()?;
    let made = make(secret, step, before.as_ref(), ring.as_ref().map(|ring| ring.current.id))?;
    let new = match (&made, &ring) {
        (Some((id, token)), _) => (*id, token.digest()),
        // Not looked at: the step makes nothing.
        (None, Some(ring)) => (ring.current.id, ring.current.digest),
        (None, None) => return Err(DatabaseError::Conflict),
    };
    let changed = after(ring.as_ref(), step, TRAITS.notes, new, now).ok_or(DatabaseError::Conflict)?;
    let token = made.as_ref().map(|(_, token)| token);
    record::save(&transaction, &context.sealer, &secret.name, before.as_ref(), &changed, token)?;
    anchor.save(&transaction, &context.sealer)?;
    if elapsed(begun, context.time.moment()) > LONGEST {
        let stopped =
            "the step was stopped halfway, as by a suspended machine or a very slow disk; it was taken back";
        return Err(DatabaseError::Unavailable(stopped.into()));
    }
    transaction.commit()?;
    Ok(made.map(|(id, _)| id))
}

/// The new version, of a step that makes one.
fn make(
    secret: &Secret,
    step: &Step,
    before: Option<&Record>,
    current: Option<VersionId>,
) -> Result<Option<(VersionId, Token)>, DatabaseError> {
    let id = match (step, before, current) {
        (Step::Create, None, _) => VersionId::derive(&secret.name, None, 0),
        (Step::Stage { .. }, Some(record), Some(current)) => {
            let exhausted = || {
                let why = format!(
                    "{ATTEMPTS} successors of version {current} were taken back, and no id is left for another: \
                     let one stand (`rotate`, without `abort`)"
                );
                DatabaseError::Rejected(why.into())
            };
            record.unused_id(&secret.name, current).ok_or_else(exhausted)?
        }
        _ => return Ok(None),
    };
    let token = Token::generate(&secret.token_prefix, &mut SysRng);
    Ok(Some((id, token.map_err(|e| DatabaseError::Unavailable(Box::new(e)))?)))
}
