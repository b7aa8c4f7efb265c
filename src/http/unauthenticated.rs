//! Connections that have shown no good credential yet: how many there may be, and who of them goes for a newcomer.
//!
//! Their number is bounded. When all places are taken, the one goes for whom we have waited longest. How long that
//! is counts from when there was first nothing to read from it: bytes that trickle in change nothing, or whoever sends
//! them could stay. One that waits for us is not evicted: for its turn to be read, or, for a few seconds, for
//! its handshake to be computed. Neither is one that has just come. So thousands of verifiers who come back in the same
//! moment don't put each other out: the next one waits until there is a place.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::lock::lock;
use tokio::sync::oneshot;

/// The unauthenticated connections of a listener. What it holds is bounded by their number.
#[derive(Debug)]
pub(super) struct UnauthenticatedPool {
    most: usize,
    patience: Duration,
    /// Held for one step in the map, and never across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    next: u64,
    /// Those for whom we wait, the longest first.
    silent: BTreeMap<u64, Evictable>,
}

/// One that can be told to go.
#[derive(Debug)]
struct Evictable {
    came_ms: u64,
    go: oneshot::Sender<()>,
}

/// A connection's place among the unauthenticated ones. It is given back when the connection ends, or shows a good
/// credential.
#[derive(Debug, Default)]
pub(super) struct Unauthenticated {
    among: Option<Arc<UnauthenticatedPool>>,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
enum Standing {
    /// It waits for us.
    Waits(Evictable),
    /// We wait for it.
    Silent(u64),
    /// It needs no place, or none any longer.
    #[default]
    Authenticated,
}

/// Tells a connection that it has to go, for a newcomer.
#[derive(Debug)]
pub(super) struct Eviction(Option<oneshot::Receiver<()>>);

impl Eviction {
    /// Ends when it has to; never for one that is known.
    pub(super) async fn evicted(&mut self) {
        if let Some(told) = &mut self.0 {
            let goes = told.await.is_ok();
            // What has been told is not asked again.
            self.0 = None;
            if goes {
                return;
            }
        }
        pending().await
    }
}

/// How a newcomer got its place.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) unauthenticated: Unauthenticated,
    pub(super) eviction: Eviction,
    /// Somebody else goes for it.
    pub(super) in_place_of_another: bool,
}

impl Admitted {
    /// One that needs no credential.
    pub(super) fn known() -> Self {
        Self {
            unauthenticated: Unauthenticated::default(),
            eviction: Eviction(None),
            in_place_of_another: false,
        }
    }
}

impl UnauthenticatedPool {
    /// So many, each of which keeps its place for so long in any case.
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { most, patience, state: Mutex::default() }
    }

    /// A place for a newcomer; none: all wait for us, or have just come. Another one goes if the places are full, or
    /// `is_full` says that nothing else is left.
    pub(super) fn admit(self: &Arc<Self>, is_full: bool, now_ms: u64) -> Option<Admitted> {
        let mut state = lock(&self.state);
        let in_place_of_another = is_full || state.count >= self.most;
        if in_place_of_another {
            let longest = state.silent.first_entry()?;
            if Duration::from_millis(now_ms.saturating_sub(longest.get().came_ms)) < self.patience {
                return None;
            }
            // It may have ended in this moment, which is as good.
            let _ = longest.remove().go.send(());
            state.count -= 1;
        }
        state.count += 1;
        let (go, told) = oneshot::channel();
        let standing = Mutex::new(Standing::Waits(Evictable { came_ms: now_ms, go }));
        let unauthenticated = Unauthenticated { among: Some(Arc::clone(self)), standing };
        Some(Admitted { unauthenticated, eviction: Eviction(Some(told)), in_place_of_another })
    }

    /// Nobody can go.
    pub(super) fn are_none(&self) -> bool {
        lock(&self.state).count == 0
    }
}

impl Unauthenticated {
    /// There is nothing to read from it. The first time counts, and the first after it [`spoke`](Self::spoke).
    pub(super) fn is_silent(&self) {
        let Some(among) = &self.among else { return };
        let mut standing = lock(&self.standing);
        *standing = match std::mem::take(&mut *standing) {
            Standing::Waits(evictable) => {
                let mut state = lock(&among.state);
                let place = state.next;
                state.next += 1;
                state.silent.insert(place, evictable);
                Standing::Silent(place)
            }
            same => same,
        };
    }

    /// It began with what takes us long: now it waits for us.
    pub(super) fn spoke(&self) {
        let Some(among) = &self.among else { return };
        let mut standing = lock(&self.standing);
        if let Standing::Silent(place) = *standing
            && let Some(evictable) = lock(&among.state).silent.remove(&place)
        {
            *standing = Standing::Waits(evictable);
        }
    }

    /// It has shown a good credential, or has ended.
    pub(super) fn leave(&self) {
        let Some(among) = &self.among else { return };
        let standing = std::mem::take(&mut *lock(&self.standing));
        let mut state = lock(&among.state);
        match standing {
            Standing::Waits(_) => state.count -= 1,
            // Whoever was evicted has left already.
            Standing::Silent(place) if state.silent.remove(&place).is_some() => state.count -= 1,
            Standing::Silent(_) | Standing::Authenticated => {}
        }
    }

    /// It has shown no good credential yet.
    pub(super) fn stands(&self) -> bool {
        !matches!(*lock(&self.standing), Standing::Authenticated)
    }
}

impl Drop for Unauthenticated {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests;
