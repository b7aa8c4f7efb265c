//! What is put in order after every other step, one write a turn: labels that say nothing any more, and notes that
//! others have left unwritten.

use std::time::Duration;

use super::{
    label::{CURRENT, Cleanup, Kind, Labels, PENDING, PREVIOUS},
    label_quota,
    memory::{SecretMemory, State},
    options::Lags,
};
use crate::{
    rotation::ring::{Ring, VersionId},
    store::Secret,
    time::{Interval, Timestamp},
};

/// A mark is kept this long beyond `hold`: no verifier can still have a view from before it.
const MARKS_LAST: Duration = Duration::from_secs(24 * 3600);

/// The first thing that is out of order.
///
/// - AWSPENDING comes off a version that is current or previous: AWS leaves it there.
/// - A version that somebody else has replaced gets its deadline, once a second read shows none either.
/// - A current version that is none of ours gets a note of when it was adopted.
/// - A pause is moved to the current version; what was kept falls away with the version that bore it.
/// - Notes that say nothing any more come off: see [`over`]; and where there are many, what a later one says too.
pub(super) fn first(
    state: &State,
    ring: &Ring,
    memory: &SecretMemory,
    secret: &Secret,
    (now, lags): (Interval, Lags),
) -> Option<(VersionId, Cleanup)> {
    let current = ring.current.id;
    let leftover = |label: &str| state.holder(label).filter(|id| state.labels[id].bears(PENDING));
    if let Some(id) = leftover(CURRENT).or_else(|| leftover(PREVIOUS)) {
        return Some((id, Cleanup::Detach(PENDING.to_owned())));
    }
    let mut unnoted =
        memory.unnoted.iter().filter(|(id, _)| ring.version(**id).is_some_and(|v| v.ended.is_none()));
    if let Some((id, seen)) = unnoted.find(|(_, seen)| now.earliest >= **seen + lags.store_lag) {
        return Some((*id, Cleanup::Attach(Kind::Until, *seen + secret.grace)));
    }
    let bears_kept = state.labels[&current].latest(Kind::Kept, current).is_some();
    if let Some((_, at)) = memory.adopted.filter(|(id, _)| *id == current && !bears_kept) {
        return Some((current, Cleanup::Attach(Kind::Kept, at)));
    }
    let elsewhere = state.labels.iter().find_map(|(id, labels)| {
        let label = *labels.notes(Kind::Paused, *id).first()?;
        (*id != current).then_some((*id, label))
    });
    if let Some((id, (at, label))) = elsewhere {
        let moved = state.labels[&current].earliest(Kind::Paused, current).is_some();
        return Some(match moved {
            true => (id, Cleanup::Detach(label.to_owned())),
            false => (current, Cleanup::Attach(Kind::Paused, at)),
        });
    }
    let over = state.labels.iter().find_map(|(id, labels)| {
        over(state, ring, memory, (*id, labels), (now, lags)).map(|label| (*id, Cleanup::Detach(label)))
    });
    over.or_else(|| {
        label_quota::covered(state, memory, now, lags).map(|(id, label)| (id, Cleanup::Detach(label)))
    })
}

/// A note on this version that says nothing any more.
///
/// - `until`: a later one stands there too; or it expired more than two lags of a read ago.
/// - `ended`: an earlier one stands there too. Marks: a day and `hold` after they were written, once no version
///   that they end, and no other version with such a token, bears a label of AWS's or a deadline.
/// - `kept`: the version is not current, or a later one stands there too. `paused`: an earlier one does.
fn over(
    state: &State,
    ring: &Ring,
    memory: &SecretMemory,
    (id, labels): (VersionId, &Labels),
    (now, lags): (Interval, Lags),
) -> Option<String> {
    let untils = labels.notes(Kind::Until, id);
    let expired = |at: Timestamp| at + lags.store_lag * 2 < now.earliest;
    let last = untils.len().saturating_sub(1);
    let until =
        untils.iter().enumerate().find(|(n, (at, _))| *n < last || expired(*at)).map(|(_, (_, l))| *l);
    let ended = labels.notes(Kind::Ended, id);
    let twice = ended.get(1).map(|(_, label)| *label);
    let old = |at: Timestamp| at + MARKS_LAST + lags.hold < now.earliest;
    let done = |id: &VersionId| state.is_done(*id);
    // A person may have put the token back.
    let all_done = done(&id) && memory.twins(id).all(|(twin, _)| done(&twin));
    let own = ended.first().filter(|(at, _)| old(*at) && all_done).map(|(_, label)| *label);
    let compromised = labels.notes(Kind::Compromised, id);
    let mark = compromised.first().filter(|(at, _)| {
        // When somebody else's pending version was made is not known.
        let ends =
            |other: &VersionId| *other == id || memory.known.get(other).is_none_or(|k| k.created < *at);
        old(*at) && all_done && state.labels.keys().filter(|other| ends(other)).all(done)
    });
    let kept = labels.notes(Kind::Kept, id);
    let stale = kept.first().filter(|_| id != ring.current.id || kept.len() > 1).map(|(_, label)| *label);
    let paused = labels.notes(Kind::Paused, id).get(1).map(|(_, label)| *label);
    let label = until.or(twice).or(own).or(mark.map(|(_, label)| *label)).or(stale).or(paused);
    label.map(str::to_owned)
}
