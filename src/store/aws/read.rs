//! A read: one DescribeSecret, and the values that are not known yet.
//!
//! What DescribeSecret shows counts, whatever of the values can be read: an end, a deadline or a stage that another process
//! wrote must not wait for a key.

use std::sync::Arc;

use crossfade_verify::Moment;

use super::{
    account::Aws,
    cleanup,
    error::CallError,
    label::{CURRENT, Kind},
    memory::{SecretMemory, Seen, State},
    name::{Arn, remedy},
    parts::{self, no_time, unread},
    view,
};
use crate::{
    rotation::ring::VersionId,
    store::{Cause, ReadError, Secret},
    time::{Interval, Timestamp},
};

pub(super) async fn read(
    aws: &Aws,
    secret: &Secret,
    memory: &mut SecretMemory,
) -> Result<Arc<Seen>, ReadError> {
    let at = aws.clock.moment();
    let answer = aws.api.describe(&secret.name).await;
    let time = answer.now.ok_or_else(|| no_time(answer.outcome.as_ref().err()));
    let described = match answer.outcome {
        Ok(described) => described,
        Err(CallError::NotFound(cause)) => {
            let now = time?;
            is_gone(aws, memory, now)?;
            return absent(aws, secret, memory, (now, at), cause);
        }
        Err(error) => return Err(unread(error)),
    };
    let now = time?;
    if let Some(deleted) = described.deleted {
        return Err(being_deleted(secret, deleted, now));
    }
    let terms = (secret.grace, aws.lags().store_lag);
    let state = memory.take_in(described, terms, now);
    let Some(current) = state.holder(CURRENT) else {
        is_gone(aws, memory, now)?;
        return empty(aws, secret, memory, state, (now, at));
    };
    memory.gone = None;
    let missed = parts::values(aws, secret, memory, &state, (current, now)).await?;
    parts::date(aws, memory, &state, missed.iter().filter_map(|(version, _)| *version).collect(), now).await;
    memory.see_put(&state, secret.grace, now);
    adopt(memory, &state, secret, current, now);
    let mut ring = view::ring(&state, memory, secret, now);
    let cleanup =
        ring.as_ref().and_then(|ring| cleanup::first(&state, ring, memory, secret, (now, aws.lags())));
    if let Some(ring) = &mut ring {
        ring.findings.untidy = cleanup.as_ref().map(|(version, _)| *version);
    }
    let unread = parts::told(&missed);
    Ok(memory.keep(Seen { state: Some(state), ring, cleanup, unread, now, at }))
}

/// A current version that is none of ours is adopted as it is: no slot before its first sight is due. One that a
/// person has rolled back to is not.
fn adopt(memory: &mut SecretMemory, state: &State, secret: &Secret, current: VersionId, now: Interval) {
    if memory.adopted.is_some_and(|(id, _)| id == current) {
        return;
    }
    // What was adopted once and is current again was rolled back to.
    memory.adopted = None;
    let token = memory.known.get(&current).map(|known| known.token);
    // One that can't be read is ours if its id is.
    let ours = current.is_derived() && matches!(token, None | Some(Ok((_, false))));
    let rolled_back = view::ring(state, memory, secret, now).is_some_and(|ring| ring.findings.rolled_back);
    // By another daemon, or by us before we were started again.
    let noted = state.labels[&current].latest(Kind::Kept, current).is_some();
    let usable = matches!(token, None | Some(Ok(_)));
    memory.adopted = (usable && !ours && !rolled_back && !noted).then_some((current, now.latest));
}

fn being_deleted(secret: &Secret, since: Timestamp, now: Interval) -> ReadError {
    let cause = format!(
        "it is scheduled for deletion since {since}. Restore it (aws secretsmanager restore-secret --secret-id {}), or \
         take it out of our config",
        secret.name
    );
    ReadError::Missing { now, cause: cause.into() }
}

/// Whether it is believed that a secret which was there is gone: the first read that says so may be late.
fn is_gone(aws: &Aws, memory: &mut SecretMemory, now: Interval) -> Result<(), ReadError> {
    let lag = aws.options.traits.store_lag;
    let was_there = memory.seen.as_ref().is_some_and(|seen| seen.ring.is_some());
    let since = *memory.gone.get_or_insert(now.latest);
    if !was_there || now.earliest >= since + lag {
        return Ok(());
    }
    let again =
        format!("it was there, and is not any more; one read may be late, so it is asked again in {lag:?}");
    Err(ReadError::Unavailable(again.into()))
}

/// There is no such secret.
fn absent(
    aws: &Aws,
    secret: &Secret,
    memory: &mut SecretMemory,
    (now, at): (Interval, Moment),
    cause: Cause,
) -> Result<Arc<Seen>, ReadError> {
    if aws.options.traits.creates && Arn::parse(&secret.name).is_none() {
        return Ok(memory.keep(Seen::without_current(None, now, at)));
    }
    let advice = format!("{cause}. {}", remedy(&secret.name));
    Err(ReadError::Missing { now, cause: advice.into() })
}

/// The secret has no current value.
fn empty(
    aws: &Aws,
    secret: &Secret,
    memory: &mut SecretMemory,
    state: State,
    (now, at): (Interval, Moment),
) -> Result<Arc<Seen>, ReadError> {
    if aws.options.traits.creates {
        return Ok(memory.keep(Seen::without_current(Some(state), now, at)));
    }
    let advice = format!(
        "it has no value yet. Put one there (aws secretsmanager put-secret-value --secret-id {} --secret-string TOKEN), \
         or let us: `create_missing: true`",
        secret.name
    );
    Err(ReadError::Missing { now, cause: advice.into() })
}
