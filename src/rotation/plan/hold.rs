//! What of a ring keeps a rotation from beginning or going on, whatever the time.

use super::super::ring::{Held, Ring, Version};

/// What keeps a rotation from beginning or going on.
pub(super) fn held(ring: &Ring) -> Option<Held> {
    let begun = ring.pending.is_some() || ring.current.ended.is_some();
    match ring.findings.held {
        // There is room enough for what has begun, and for what can't wait.
        Some(Held::Full(_) | Held::Unusable(_)) if begun => None,
        held => held,
    }
}

/// What keeps an ended current version from being replaced until a person has mended it: known at once, and for certain.
pub fn holds_the_replacement(ring: &Ring) -> Option<Held> {
    held(ring).filter(|held| ring.current.ended.is_some() && !held.passes())
}

/// What keeps an ordered one from it: what a person spoilt is replaced when a person says so.
pub(super) fn holds_an_order(ring: &Ring) -> Option<Held> {
    held(ring).filter(|held| !matches!(held, Held::Unusable(_)))
}

/// A pending version that may become current, now or once its value can be read.
pub(super) fn stands(pending: &Version) -> bool {
    pending.ended.is_none() && pending.note.is_none()
}

/// A person has rolled it back, and nobody has gone on with it since.
pub(super) fn is_rolled_back(ring: &Ring) -> bool {
    let Ring { pending, kept, findings, .. } = ring;
    let begun = pending.is_some() && !findings.orphaned;
    findings.rolled_back && kept.is_none() && !begun
}
