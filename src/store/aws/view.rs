//! From labels and values to a ring: what is accepted, and what stands in the way of a rotation.

use std::collections::BTreeSet;

use super::{
    label::{CURRENT, Kind, Labels, PREVIOUS},
    memory::{SecretMemory, State},
    messages,
};
use crate::{
    rotation::ring::{Findings, Held, NO_TOKEN, Previous, Ring, Version, VersionId},
    store::Secret,
    time::Interval,
};

/// More labels than this beside AWS's leave no room for a rotation, and for two marks.
const TAKEN: usize = 14;

/// The versions that matter now: their values have to be known.
pub(super) fn live(state: &State, memory: &SecretMemory, now: Interval) -> Vec<VersionId> {
    let (current, pending) = (state.holder(CURRENT), state.pending());
    let stands = |id: &VersionId| {
        let labels = &state.labels[id];
        let noted = labels.latest(Kind::Until, *id).is_some_and(|until| until > now.earliest);
        Some(*id) == current || Some(*id) == pending || labels.bears(PREVIOUS) || noted
    };
    let live = state.labels.keys().copied().filter(stands);
    live.chain(memory.unnoted.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Versions that are marked, and matter no more: their values tell whether a person has put such a token back.
pub(super) fn marked(state: &State) -> impl Iterator<Item = VersionId> {
    let marks = [Kind::Ended, Kind::Compromised];
    let marked =
        move |(id, labels): &(&VersionId, &Labels)| marks.iter().any(|m| labels.earliest(*m, **id).is_some());
    state.labels.iter().filter(marked).map(|(id, _)| *id)
}

/// The ring of a secret, with what can't be read as such; none where no version is current.
pub(super) fn ring(state: &State, memory: &SecretMemory, secret: &Secret, now: Interval) -> Option<Ring> {
    let current = version(state.holder(CURRENT)?, state, memory)?;
    let candidate = state.pending();
    let asked = candidate.and_then(|id| memory.parents.get(&id).copied());
    let parent = asked.flatten();
    let ours = candidate.filter(|_| parent.is_some());
    // What has our id and somebody else's value is as foreign as what has a foreign id.
    let pending = ours.and_then(|id| with_token(id, state, memory)).filter(|v| !v.foreign);
    let undecided = candidate.is_some() && asked.is_none();
    let held_by_pending = match &pending {
        _ if undecided => Some(Held::PendingUnread),
        None if candidate.is_some() => Some(Held::ForeignPending(messages::FOREIGN_PENDING)),
        _ => None,
    };
    let previous = previous(state, memory, secret, now);
    let newest = previous.first().filter(|(is_newest, _)| *is_newest).map(|(_, p)| p.version.id);
    let made = |id: VersionId| memory.made(id).filter(|made| made.is_exact).map(|made| made.at);
    // Somebody else's may have no value, and says nothing to us.
    let is_read =
        |id: &VersionId| memory.known.contains_key(id) || (Some(*id) == candidate && parent.is_none());
    let findings = Findings {
        orphaned: pending.is_some() && parent != Some(current.id),
        rolled_back: newest.and_then(made).zip(made(current.id)).is_some_and(|(newest, own)| newest > own),
        untidy: None,
        held: held_by_aws(state).or(held_by_pending).or_else(|| held_by_content(state, memory, current.id)),
        replicating: state.replicating.then_some(messages::REPLICATING),
        unread: undecided || !live(state, memory, now).iter().all(is_read),
    };
    let paused = state.labels.iter().filter_map(|(id, labels)| labels.earliest(Kind::Paused, *id)).min();
    let kept = state.labels[&current.id].latest(Kind::Kept, current.id);
    let adopted = memory.adopted.filter(|(id, _)| *id == current.id).map(|(_, at)| at);
    let previous = previous.into_iter().map(|(_, previous)| previous).collect();
    Some(Ring { current, pending, previous, paused, kept: kept.max(adopted), findings })
}

/// A version, with what can't be read of it as such; none where it is not known when it was made.
fn version(id: VersionId, state: &State, memory: &SecretMemory) -> Option<Version> {
    let created = memory.made(id)?.at;
    let (digest, foreign) = match memory.known.get(&id) {
        Some(known) => known.token.unwrap_or((NO_TOKEN, true)),
        None => (Version::unread(id), false),
    };
    let ended = memory.ended(id);
    let note = state.labels.get(&id).and_then(|labels| labels.latest(Kind::Until, id));
    Some(Version { id, created, digest, foreign, ended, note })
}

fn with_token(id: VersionId, state: &State, memory: &SecretMemory) -> Option<Version> {
    version(id, state, memory).filter(|version| version.digest != NO_TOKEN)
}

/// The versions that were current and are still accepted, and whether AWS's label is on them: such a one is the first, and
/// the others follow by when they were made.
fn previous(state: &State, memory: &SecretMemory, secret: &Secret, now: Interval) -> Vec<(bool, Previous)> {
    let others = [state.holder(CURRENT), state.pending()];
    let ids = live(state, memory, now).into_iter().filter(|id| !others.contains(&Some(*id)));
    let mut previous: Vec<_> = ids
        .filter_map(|id| {
            let version = with_token(id, state, memory)?;
            let first_seen = memory.unnoted.get(&id).map(|seen| *seen + secret.grace);
            let deadline = version.note.max(first_seen)?;
            let is_newest = state.labels.get(&id).is_some_and(|labels| labels.bears(PREVIOUS));
            Some((is_newest, Previous { version, deadline }))
        })
        .collect();
    previous.sort_by_key(|(is_newest, p)| std::cmp::Reverse((*is_newest, p.version.created)));
    previous
}

/// Whether somebody else rotates the secret, or it can't be written here.
fn held_by_aws(state: &State) -> Option<Held> {
    match () {
        () if state.is_replica => Some(Held::Replica(messages::REPLICA)),
        () if state.is_managed => Some(Held::Managed(messages::MANAGED)),
        () if state.rotates_itself => Some(Held::NativeRotation(messages::NATIVE_ROTATION)),
        () => None,
    }
}

/// Whether the current value can't be replaced, or no label be added.
fn held_by_content(state: &State, memory: &SecretMemory, current: VersionId) -> Option<Held> {
    let taken: usize = state.labels.values().map(Labels::taken).sum();
    match memory.known.get(&current).and_then(|known| known.token.err()) {
        Some(invalid) if invalid.is_replaceable() => Some(Held::Unusable(invalid.as_str())),
        Some(invalid) => Some(Held::Irreplaceable(invalid.as_str())),
        None => (taken >= TAKEN).then_some(Held::Full(messages::FULL)),
    }
}
