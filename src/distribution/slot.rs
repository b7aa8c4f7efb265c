//! Where the publication of an audience stands that is in force.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwapOption, Guard};
use crossfade_verify::gate::Gate;

use super::{content::Publication, state::ViewTime};
use crate::lock::lock;

/// The slot of each audience. A read of the store touches one; a config replaces all of them.
pub(super) type Publications = HashMap<Arc<str>, Slot>;

/// It is read by everybody, and written behind the distribution's lock.
#[derive(Debug, Default)]
pub(super) struct Slot {
    newest: ArcSwapOption<Publication>,
    /// Something has changed since: nobody may rest on it any more.
    outdated: AtomicBool,
    /// Who may wait for a younger one.
    gate: Mutex<Gate>,
}

impl Slot {
    /// The slot of the same audience under another config.
    pub(super) fn after(before: Option<&Self>) -> Self {
        let newest = before.and_then(|before| before.newest.load_full());
        Self { newest: ArcSwapOption::new(newest), ..Self::default() }
    }

    pub(super) fn gate<T>(&self, of: impl FnOnce(&mut Gate) -> T) -> T {
        of(&mut lock(&self.gate))
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Acquire)
    }

    /// To rest on only where it is not outdated.
    pub(super) fn newest(&self) -> Guard<Option<Arc<Publication>>> {
        self.newest.load()
    }

    /// Its entries are not those that count. Returns the publication that counted until now.
    pub(super) fn outdate(&self) -> Option<Arc<Publication>> {
        let was_outdated = self.outdated.swap(true, Ordering::AcqRel);
        self.newest.load_full().filter(|_| !was_outdated)
    }

    /// Its entries still count, and now at this place in time.
    pub(super) fn move_on(&self, place: ViewTime) {
        if let Some(newest) = self.newest.load_full().filter(|_| !self.is_outdated()) {
            self.newest.store(Some(Arc::new(newest.at(place))));
        }
    }

    /// This one counts now.
    pub(super) fn replace(&self, publication: Option<Publication>) {
        self.newest.store(publication.map(Arc::new));
        self.outdated.store(false, Ordering::Release);
    }
}

/// Says to whoever waits on a content of `old` that it is no longer the one that counts.
pub(super) fn announce(old: &Publications, new: &Publications) {
    for (audience, slot) in old {
        let Some(before) = slot.newest.load_full() else { continue };
        let now = new.get(audience).and_then(|slot| slot.newest.load_full());
        if now.is_none_or(|now| !Arc::ptr_eq(&now.content, &before.content)) {
            before.content.replaced.cancel();
        }
    }
}
