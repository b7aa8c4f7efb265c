//! A read: one DescribeSecret, and the values that are not known yet.

use crossfade_verify::Moment;

use super::{
    Aws,
    calls::Answer,
    chores,
    label::{CURRENT, Kind},
    memory::{Known, Seen, State, follows},
    name::{Arn, remedy},
    trouble::Trouble,
    value, view,
};
use crate::{
    rotation::ring::VersionId,
    store::{Cause, ReadError, Secret},
    time::{Interval, Timestamp},
};
use std::sync::Arc;

/// So many ids are tried for one successor; ids beyond are not looked for either.
pub(super) const ATTEMPTS: u32 = 8;

pub(super) async fn look(aws: &Aws, secret: &Secret) -> Result<Arc<Seen>, ReadError> {
    let at = aws.clock.moment();
    let answer = aws.api.describe(&secret.name).await;
    let time = answer.now.ok_or_else(|| no_time(answer.outcome.as_ref().err()));
    let described = match answer.outcome {
        Ok(described) => described,
        Err(Trouble::NotFound(cause)) => {
            let now = time?;
            is_gone(aws, secret, now)?;
            return absent(aws, secret, now, at, cause);
        }
        Err(trouble) => return Err(unread(trouble)),
    };
    let now = time?;
    if let Some(deleted) = described.deleted {
        let cause = format!(
            "it is scheduled for deletion since {deleted}. Restore it (aws secretsmanager restore-secret --secret-id {}), \
             or take it out of our config",
            secret.name
        );
        return Err(ReadError::Missing { now, cause: cause.into() });
    }
    let terms = (secret.grace, aws.lags().store_lag);
    let state = aws.remember(secret, |memory| memory.take_in(described, terms, now));
    let Some(current) = state.holder(CURRENT) else {
        is_gone(aws, secret, now)?;
        return empty(aws, secret, state, now, at);
    };
    aws.remember(secret, |memory| memory.gone = None);
    let foreign = find_parent(aws, secret, &state, current).await?;
    let mut live = aws.remember(secret, |memory| view::live(&state, memory, now));
    live.retain(|version| Some(*version) != foreign);
    for version in &live {
        let fetched = fetch(aws, secret, &state, *version).await;
        if fetched.is_err() {
            // Its time may be a wrong one: nothing was first seen then.
            aws.remember(secret, |memory| memory.disbelieve(now.latest));
        }
        fetched?;
    }
    for version in view::marked(&state) {
        // It is accepted by nobody: that it can't be read must not hide the others.
        drop(fetch(aws, secret, &state, version).await);
    }
    aws.remember(secret, |memory| {
        if !live.iter().all(|version| memory.known.contains_key(version)) {
            // By the last turn of the engine that had the old format.
            return Err(ReadError::Unavailable("its format was changed while it was read".into()));
        }
        memory.see_put(&state, secret.grace, now);
        adopt(memory, &state, secret, current, now);
        let mut ring = view::ring(&state, memory, secret, now);
        let chore =
            ring.as_ref().and_then(|ring| chores::first(&state, ring, memory, secret, (now, aws.lags())));
        if let Some(ring) = &mut ring {
            ring.findings.untidy = chore.as_ref().map(|(version, _)| *version);
        }
        Ok(memory.keep(Seen { revision: 0, state: Some(state), ring, chore, now, at }))
    })
}

/// A version's value, once.
async fn fetch(aws: &Aws, secret: &Secret, state: &State, version: VersionId) -> Result<(), ReadError> {
    let (known, name) = aws.remember(secret, |m| (m.known.contains_key(&version), m.name(version)));
    if known {
        return Ok(());
    }
    let stored = timed(aws.api.value(&state.arn, Some(&name)).await)?;
    let token = value::token(stored.value.as_ref().map(|value| value.as_str()), secret.format);
    let token = token.map(|token| (token.digest(), token.is_foreign()));
    let known = Known { created: stored.created, token };
    aws.remember(secret, |memory| memory.known.insert(version, known));
    Ok(())
}

/// Which version the pending one was made to follow. If none, it is somebody else's, and given back: its value says
/// nothing to us, and native rotation can leave one that has none.
async fn find_parent(
    aws: &Aws,
    secret: &Secret,
    state: &State,
    current: VersionId,
) -> Result<Option<VersionId>, ReadError> {
    let Some(pending) = state.pending() else { return Ok(None) };
    let foreign = |parent: Option<VersionId>| parent.is_none().then_some(pending);
    let known = aws.remember(secret, |memory| memory.parents.get(&pending).copied());
    if let Some(parent) = known {
        return Ok(foreign(parent));
    }
    let follows = |parent: &VersionId| follows(&state.arn, *parent, pending);
    let near = std::iter::once(current).chain(state.labels.keys().copied()).find(follows);
    // The one that was to be the first of all has come late: it follows none, and least of all what is current.
    let first = (pending == first_id(secret, Some(state))).then_some(pending);
    let parent = match near.or(first) {
        Some(parent) => Some(parent),
        None => {
            let all = timed(aws.api.version_ids(&state.arn).await)?;
            all.iter().map(|name| VersionId::of_name(name)).find(follows)
        }
    };
    aws.remember(secret, |memory| memory.parents.insert(pending, parent));
    Ok(foreign(parent))
}

/// A current version that is none of ours is adopted as it is: no slot before its first sight is due. One that a
/// person has rolled back to is not.
fn adopt(
    memory: &mut super::memory::Memory,
    state: &State,
    secret: &Secret,
    current: VersionId,
    now: Interval,
) {
    if memory.adopted.is_some_and(|(id, _)| id == current) {
        return;
    }
    // What was adopted once and is current again was rolled back to.
    memory.adopted = None;
    let token = memory.known.get(&current).map(|known| known.token);
    let ours = current.is_derived() && matches!(token, Some(Ok((_, false))));
    let rolled_back = view::ring(state, memory, secret, now).is_some_and(|ring| ring.findings.rolled_back);
    // By another daemon, or by us before we were started again.
    let noted = state.labels[&current].latest(Kind::Kept, current).is_some();
    let usable = matches!(token, Some(Ok(_)));
    memory.adopted = (usable && !ours && !rolled_back && !noted).then_some((current, now.latest));
}

/// Whether it is believed that a secret which was there is gone: the first read that says so may be late.
fn is_gone(aws: &Aws, secret: &Secret, now: Interval) -> Result<(), ReadError> {
    let lag = aws.options.traits.store_lag;
    let is_gone = aws.remember(secret, |memory| {
        let was_there = memory.seen.as_ref().is_some_and(|seen| seen.ring.is_some());
        let since = *memory.gone.get_or_insert(now.latest);
        !was_there || now.earliest >= since + lag
    });
    let again = || {
        format!("it was there, and is not any more; one read may be late, so it is asked again in {lag:?}")
    };
    if is_gone { Ok(()) } else { Err(ReadError::Unavailable(again().into())) }
}

/// There is no such secret.
fn absent(
    aws: &Aws,
    secret: &Secret,
    now: Interval,
    at: Moment,
    cause: Cause,
) -> Result<Arc<Seen>, ReadError> {
    if aws.options.traits.creates && Arn::parse(&secret.name).is_none() {
        let seen = Seen { revision: 0, state: None, ring: None, chore: None, now, at };
        return Ok(aws.remember(secret, |memory| memory.keep(seen)));
    }
    let advice = format!("{cause}. {}", remedy(&secret.name));
    Err(ReadError::Missing { now, cause: advice.into() })
}

/// The secret has no current value.
fn empty(
    aws: &Aws,
    secret: &Secret,
    state: State,
    now: Interval,
    at: Moment,
) -> Result<Arc<Seen>, ReadError> {
    if aws.options.traits.creates {
        let seen = Seen { revision: 0, state: Some(state), ring: None, chore: None, now, at };
        return Ok(aws.remember(secret, |memory| memory.keep(seen)));
    }
    let advice = format!(
        "it has no value yet. Put one there (aws secretsmanager put-secret-value --secret-id {} --secret-string TOKEN), \
         or let us: `create_missing: true`",
        secret.name
    );
    Err(ReadError::Missing { now, cause: advice.into() })
}

/// What a further answer of the same look shows. Its time has to agree: else one of the two is wrong, and a process
/// that has just been started can't tell which.
fn timed<T>(answer: Answer<T>) -> Result<T, ReadError> {
    let shown = answer.outcome.map_err(unread)?;
    answer.now.map(|_| shown).ok_or_else(|| no_time(None))
}

fn unread(trouble: Trouble) -> ReadError {
    match trouble {
        Trouble::Denied(cause) => ReadError::Denied(cause),
        Trouble::Misconfigured(cause) => ReadError::Misconfigured(cause),
        other => ReadError::Unavailable(Box::new(other)),
    }
}

fn no_time(trouble: Option<&Trouble>) -> ReadError {
    let why =
        trouble.map_or_else(|| "AWS's answer bears no time that can be".to_owned(), ToString::to_string);
    match trouble {
        Some(Trouble::Denied(_)) => ReadError::Denied(why.into()),
        Some(Trouble::Misconfigured(_)) => ReadError::Misconfigured(why.into()),
        _ => ReadError::Unavailable(why.into()),
    }
}

/// The first version's id, from the name: there is no ARN yet.
pub(super) fn first_id(secret: &Secret, state: Option<&State>) -> VersionId {
    VersionId::derive(state.map_or(&secret.name, |state| &state.arn), None, 0)
}

/// Whether it is surely longer ago than that.
pub(super) fn is_older(created: Timestamp, than: std::time::Duration, now: Interval) -> bool {
    created + than < now.earliest
}
