//! Asking the follower for a younger view: many may ask, one request is made, and then none for a while.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
};

use super::machine::{Machine, within};

/// How long a request may wait for a younger view.
const LIMIT: Duration = Duration::from_secs(2);

/// How long nobody may ask again, so that garbage can't drive requests.
const COOL_DOWN_MS: u64 = 1_000;

/// The follower's task, as its verifier sees it. It ends with the verifier.
pub(crate) struct Following {
    refresh: Arc<Refresh>,
    task: OnceLock<AbortHandle>,
}

pub(crate) struct Refresh {
    machine: Arc<dyn Machine>,
    state: Mutex<State>,
    wake: Notify,
    /// How many rounds have ended.
    rounds: watch::Sender<u64>,
}

struct State {
    asked: bool,
    /// On the boot clock.
    not_before_ms: u64,
}

impl Following {
    pub(super) fn new(machine: Arc<dyn Machine>) -> Self {
        // The first set is asked for from the start.
        let state = Mutex::new(State { asked: true, not_before_ms: 0 });
        let refresh = Refresh { machine, state, wake: Notify::new(), rounds: watch::Sender::new(0) };
        Self { refresh: Arc::new(refresh), task: OnceLock::new() }
    }

    pub(super) fn own(&self, task: AbortHandle) {
        // It is called once.
        drop(self.task.set(task));
    }

    pub(super) fn refresh(&self) -> Arc<Refresh> {
        Arc::clone(&self.refresh)
    }

    /// Asks every replica once for a younger view, together with whoever else asks now; for 2 s at most. Does
    /// nothing within a second of the last time.
    pub(crate) async fn refresh_once(&self) {
        self.refresh.ask().await;
    }
}

impl Refresh {
    async fn ask(&self) {
        let mut rounds = self.rounds.subscribe();
        {
            let mut state = self.state();
            if !state.asked {
                if self.machine.moment().boot_ms < state.not_before_ms {
                    return;
                }
                state.asked = true;
                self.wake.notify_one();
            }
        }
        within(&*self.machine, LIMIT, rounds.changed()).await;
    }

    /// Waits for the end of the first round.
    pub(super) async fn first_round(&self) {
        let mut rounds = self.rounds.subscribe();
        within(&*self.machine, LIMIT, rounds.wait_for(|rounds| *rounds > 0)).await;
    }

    pub(super) fn is_asked(&self) -> bool {
        self.state().asked
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&self) {
        while !self.is_asked() {
            self.wake.notified().await;
        }
    }

    /// Every replica was asked, or one has answered.
    pub(super) fn ended(&self) {
        let now_ms = self.machine.moment().boot_ms;
        {
            let mut state = self.state();
            if !state.asked {
                return;
            }
            *state = State { asked: false, not_before_ms: now_ms.saturating_add(COOL_DOWN_MS) };
        }
        self.rounds.send_modify(|rounds| *rounds += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}
