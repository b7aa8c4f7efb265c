//! What each step does to a ring: the store contract as one pure function.

use crossfade_verify::Digest;

use super::{
    plan::Step,
    policy::Notes,
    ring::{Previous, Ring, Version, VersionId},
};
use crate::time::Timestamp;

/// The ring after the step; none where the step does not fit what is there (a conflict).
///
/// `new` is the version that `Create` and `Stage` make.
pub fn after(
    ring: Option<&Ring>,
    step: &Step,
    notes: Notes,
    new: (VersionId, Digest),
    now: Timestamp,
) -> Option<Ring> {
    let made = Version { id: new.0, created: now, digest: new.1, foreign: false, ended: None, note: None };
    let Some(mut ring) = ring.cloned() else { return (*step == Step::Create).then(|| Ring::of(made)) };
    match *step {
        Step::Create => return None,
        Step::Stage { current } => {
            fits(ring.current.id == current && ring.pending.is_none())?;
            ring.pending = Some(made);
        }
        Step::Note { version, until } => {
            let noted = [Some(&mut ring.current), ring.pending.as_mut()];
            let noted = noted.into_iter().flatten().find(|v| v.id == version)?;
            noted.note = noted.note.max(Some(until));
        }
        Step::Promote { pending, current, accepted_for } => {
            fits(ring.current.id == current)?;
            let promoted = ring.pending.take().filter(|p| p.id == pending && p.ended.is_none())?;
            let replaced = std::mem::replace(&mut ring.current, promoted);
            let deadline = match notes {
                Notes::WithPromotion => now + accepted_for,
                Notes::BeforePromotion => replaced.note.unwrap_or(now),
            };
            ring.previous.insert(0, Previous { version: replaced, deadline });
        }
        Step::Drop { pending } => {
            let dropped = ring.pending.take().filter(|p| p.id == pending)?;
            if let (Some(deadline), None) = (dropped.note, dropped.ended) {
                ring.previous.insert(0, Previous { version: dropped, deadline });
            }
        }
        Step::Retire { version } => {
            let retired = ring.previous.iter().position(|p| p.version.id == version)?;
            ring.previous.remove(retired);
        }
        Step::End { version } => {
            fits(ring.current.id != version)?;
            end(ring.versions_mut().find(|v| v.id == version)?, now);
        }
        Step::EndAll { current } => {
            fits(ring.current.id == current)?;
            ring.versions_mut().for_each(|v| end(v, now));
        }
        Step::Pause { .. } => ring.paused = ring.paused.or(Some(now)),
        Step::Unpause { .. } => ring.paused = None,
        Step::Keep { .. } => ring.kept = ring.kept.max(Some(now)),
        // Nothing is ever untidy here.
        Step::Tidy { .. } => return None,
    }
    Some(ring)
}

fn fits(condition: bool) -> Option<()> {
    condition.then_some(())
}

fn end(version: &mut Version, now: Timestamp) {
    version.ended.get_or_insert(now);
}
