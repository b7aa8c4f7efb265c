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
    let any = |id: VersionId| {
        let created = memory.made(id)?.at;
        let (digest, foreign) = match memory.known.get(&id) {
            Some(known) => known.token.unwrap_or((NO_TOKEN, true)),
            None => (Version::unread(id), false),
        };
        let ended = memory.ended(id);
        let note = state.labels.get(&id).and_then(|labels| labels.latest(Kind::Until, id));
        Some(Version { id, created, digest, foreign, ended, note })
    };
    let version = |id: VersionId| any(id).filter(|version| version.digest != NO_TOKEN);
    let current = any(state.holder(CURRENT)?)?;
    let invalid = memory.known.get(&current.id).and_then(|known| known.token.err());
    let candidate = state.pending();
    let asked = candidate.and_then(|id| memory.parents.get(&id).copied());
    let parent = asked.flatten();
    // What has our id and somebody else's value is as foreign as what has a foreign id.
    let pending = candidate.filter(|_| parent.is_some()).and_then(version).filter(|v| !v.foreign);
    let mut previous = Vec::new();
    for id in live(state, memory, now) {
        let Some(version) = version(id).filter(|v| v.id != current.id && Some(v.id) != candidate) else {
            continue;
        };
        let first_seen = memory.unnoted.get(&id).map(|seen| *seen + secret.grace);
        let Some(deadline) = version.note.max(first_seen) else { continue };
        let newest = state.labels.get(&id).is_some_and(|labels| labels.bears(PREVIOUS));
        previous.push((newest, Previous { version, deadline }));
    }
    previous.sort_by_key(|(newest, p)| std::cmp::Reverse((*newest, p.version.created)));
    let newest = previous.first().filter(|(newest, _)| *newest).map(|(_, p)| p.version.id);
    let paused = state.labels.iter().filter_map(|(id, labels)| labels.earliest(Kind::Paused, *id)).min();
    let kept = state.labels[&current.id].latest(Kind::Kept, current.id);
    let adopted = memory.adopted.filter(|(id, _)| *id == current.id).map(|(_, at)| at);
    let foreign_pending = candidate.is_some() && pending.is_none();
    // Somebody else's may have no value, and says nothing to us.
    let is_read =
        |id: &VersionId| memory.known.contains_key(id) || (Some(*id) == candidate && parent.is_none());
    let undecided = candidate.is_some() && asked.is_none();
    let made = |id: VersionId| memory.made(id).filter(|made| made.is_exact).map(|made| made.at);
    let taken: usize = state.labels.values().map(Labels::taken).sum();
    let held = match () {
        () if state.is_replica => Some(Held::Replica(messages::REPLICA)),
        () if state.is_managed => Some(Held::Managed(messages::MANAGED)),
        () if state.rotates_itself => Some(Held::NativeRotation(messages::NATIVE_ROTATION)),
        () if undecided => Some(Held::PendingUnread),
        () if foreign_pending => Some(Held::ForeignPending(messages::FOREIGN_PENDING)),
        () => match invalid {
            Some(invalid) if invalid.is_replaceable() => Some(Held::Unusable(invalid.as_str())),
            Some(invalid) => Some(Held::Irreplaceable(invalid.as_str())),
            None => (taken >= TAKEN).then_some(Held::Full(messages::FULL)),
        },
    };
    let findings = Findings {
        orphaned: pending.is_some() && parent != Some(current.id),
        rolled_back: newest.and_then(made).zip(made(current.id)).is_some_and(|(newest, own)| newest > own),
        untidy: None,
        held,
        replicating: state.replicating.then_some(messages::REPLICATING),
        unread: undecided || !live(state, memory, now).iter().all(is_read),
    };
    let previous = previous.into_iter().map(|(_, previous)| previous).collect();
    Some(Ring { current, pending, previous, paused, kept: kept.max(adopted), findings })
}
