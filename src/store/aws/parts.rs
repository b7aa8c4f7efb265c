//! What is read beside the labels: values, and the list of versions. That a part of it can't be read hides nothing else.

use std::{collections::BTreeMap, future::poll_fn, task::Poll};

use super::{
    account::Aws,
    calls::Answer,
    error::CallError,
    memory::{KnownValue, Made, SecretMemory, State, first_id, follows},
    value, view,
};
use crate::{
    rotation::ring::VersionId,
    store::{ReadError, Secret, Unread},
    time::Interval,
};

/// Why a part of a secret was not read.
pub(super) struct Missed {
    pub(super) error: ReadError,
    /// An answer came all the same, and its time agrees with what was heard before.
    pub(super) timed: bool,
    /// An answer came whose time does not agree.
    pub(super) disagrees: bool,
}

/// What a further answer of the same read shows. Its time has to agree: else one of the two is wrong, and a process
/// that has just been started can't tell which.
fn timed<T>(answer: Answer<T>) -> Result<T, Missed> {
    match (answer.outcome, answer.now) {
        (Ok(shown), Some(_)) => Ok(shown),
        (Ok(_), None) => Err(Missed { error: no_time(None), timed: false, disagrees: true }),
        (Err(error), now) => Err(Missed { error: unread(error), timed: now.is_some(), disagrees: false }),
    }
}

/// As people are told.
pub(super) fn told(missed: &[(Option<VersionId>, Missed)]) -> Option<Unread> {
    let each = missed.iter().map(|(version, why)| {
        let cause = std::error::Error::source(&why.error).map_or_else(String::new, ToString::to_string);
        match version {
            Some(version) => format!("the value of version {version} can't be read: {cause}"),
            None => format!("the list of the secret's versions can't be read: {cause}"),
        }
    });
    let each: Vec<_> = each.collect();
    let rest = "All else counts; until then a token that is not known is neither accepted nor refused";
    let denied = missed.iter().any(|(_, why)| matches!(why.error, ReadError::Denied(_)));
    (!each.is_empty()).then(|| Unread { denied, message: format!("{}. {rest}", each.join("; ")).into() })
}

/// Reads the values that are not known yet, and gives back what could not be read. An error: it is not sure what time it is.
pub(super) async fn values(
    aws: &Aws,
    secret: &Secret,
    memory: &mut SecretMemory,
    state: &State,
    (current, now): (VersionId, Interval),
) -> Result<Vec<(Option<VersionId>, Missed)>, ReadError> {
    let heard = std::mem::replace(&mut memory.heard, true);
    // A pending version of which it can't be told whose it is, is not read either.
    let parent = find_parent(aws, secret, memory, state, current).await;
    let foreign = parent.as_ref().map_or_else(|_| state.pending(), |foreign| *foreign);
    let live = view::live(state, memory, now).into_iter().filter(|version| Some(*version) != foreign);
    // What is marked is accepted by nobody, so that it matters to nobody whether it can be read.
    let marked = view::marked(state).map(|version| (version, false));
    let mut wanted: BTreeMap<_, _> = marked.chain(live.map(|version| (version, true))).collect();
    wanted.retain(|version, _| !memory.known.contains_key(version));
    let names: Vec<_> = wanted.keys().map(|version| memory.name(*version)).collect();
    let fetched = names.iter().map(|name| fetch(aws, secret, state, name)).collect();
    let mut missed: Vec<_> = parent.err().map(|why| (None, why)).into_iter().collect();
    let mut borne_out = heard || missed.iter().any(|(_, why)| why.timed);
    for ((version, is_live), fetched) in wanted.into_iter().zip(all(fetched).await) {
        borne_out |= fetched.as_ref().err().is_none_or(|why| why.timed);
        match fetched {
            Ok(known) => memory.know(version, known),
            Err(why) => missed.extend(is_live.then_some((Some(version), why))),
        }
    }
    if let Some(at) = missed.iter().position(|(_, why)| why.disagrees || !borne_out) {
        // Its time may be a wrong one: nothing was first seen then.
        memory.disbelieve(now.latest);
        return Err(missed.swap_remove(at).1.error);
    }
    Ok(missed)
}

/// The value of the version of that name, once.
async fn fetch(aws: &Aws, secret: &Secret, state: &State, name: &str) -> Result<KnownValue, Missed> {
    let stored = timed(aws.api.value(&state.arn, Some(name)).await)?;
    let token = value::token(stored.value.as_ref().map(|value| value.as_str()), secret.format);
    let token = token.map(|token| (token.digest(), token.is_foreign()));
    Ok(KnownValue { created: stored.created, token })
}

/// All of them at once.
async fn all<T>(work: Vec<impl Future<Output = T> + Send>) -> Vec<T> {
    let mut left: Vec<_> = work.into_iter().map(|work| (Some(Box::pin(work)), None)).collect();
    poll_fn(|context| {
        for (work, done) in &mut left {
            if let Some(Poll::Ready(outcome)) = work.as_mut().map(|work| work.as_mut().poll(context)) {
                (*work, *done) = (None, Some(outcome));
            }
        }
        if left.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    left.into_iter().filter_map(|(_, done)| done).collect()
}

/// When those versions were made whose values can't be read: as the list of versions says, which needs no key; or, while
/// that can't be read either, not later than they were first seen.
pub(super) async fn date(
    aws: &Aws,
    memory: &mut SecretMemory,
    state: &State,
    versions: Vec<VersionId>,
    now: Interval,
) {
    if versions.iter().all(|id| memory.unread.get(id).is_some_and(|made| made.is_exact)) {
        return;
    }
    let listed = timed(aws.api.versions(&state.arn).await).unwrap_or_default();
    let created = |id: VersionId| listed.iter().find(|l| VersionId::of_name(&l.id) == id)?.created;
    for id in versions {
        let listed = created(id).map(|at| Made { at, is_exact: true });
        let seen = *memory.unread.entry(id).or_insert(Made { at: now.latest, is_exact: false });
        memory.unread.insert(id, listed.unwrap_or(seen));
    }
}

/// Which version the pending one was made to follow. If none, it is somebody else's, and given back: its value says
/// nothing to us, and native rotation can leave one that has none.
async fn find_parent(
    aws: &Aws,
    secret: &Secret,
    memory: &mut SecretMemory,
    state: &State,
    current: VersionId,
) -> Result<Option<VersionId>, Missed> {
    let Some(pending) = state.pending() else { return Ok(None) };
    let foreign = |parent: Option<VersionId>| parent.is_none().then_some(pending);
    if let Some(parent) = memory.parents.get(&pending) {
        return Ok(foreign(*parent));
    }
    let follows = |parent: &VersionId| follows(&state.arn, *parent, pending);
    let near = std::iter::once(current).chain(state.labels.keys().copied()).find(follows);
    // The one that was to be the first of all has come late: it follows none, and least of all what is current.
    let first = (pending == first_id(secret, Some(state))).then_some(pending);
    let parent = match near.or(first) {
        Some(parent) => Some(parent),
        None => {
            let all = timed(aws.api.versions(&state.arn).await)?;
            all.iter().map(|listed| VersionId::of_name(&listed.id)).find(follows)
        }
    };
    memory.parents.insert(pending, parent);
    Ok(foreign(parent))
}

pub(super) fn unread(error: CallError) -> ReadError {
    match error {
        CallError::Denied(cause) => ReadError::Denied(cause),
        CallError::Misconfigured(cause) => ReadError::Misconfigured(cause),
        other => ReadError::Unavailable(Box::new(other)),
    }
}

pub(super) fn no_time(error: Option<&CallError>) -> ReadError {
    let why = error.map_or_else(|| "AWS's answer bears no time that can be".to_owned(), ToString::to_string);
    match error {
        Some(CallError::Denied(_)) => ReadError::Denied(why.into()),
        Some(CallError::Misconfigured(_)) => ReadError::Misconfigured(why.into()),
        _ => ReadError::Unavailable(why.into()),
    }
}
