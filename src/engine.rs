//! The loop that carries decisions out, one task a secret.
//!
//! It is boring on purpose: read, publish, decide, one step, read again; then sleep until something
//! can have changed. Errors never end it. What it decides is not its business ([`plan`]),
//! nor what becomes of what it read ([`Observer`]).

use std::{sync::Arc, time::Duration};

use crossfade_verify::Moment;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, elapsed},
    rotation::{
        plan::{self, Decided, Demand, Next},
        policy::Policy,
    },
};

mod alone;
mod backoff;
mod inbox;
mod observation;
mod order;
mod pause;
mod rejections;
mod rotator;

pub use alone::NotReplaced;
pub use backoff::{Backoff, Spread};
use inbox::Arrival;
pub use inbox::Inbox;
pub use observation::{Observation, Observer, Outcome, Parked, Reason};
pub use order::{Done, Order, OrderFailure};
pub use rotator::{Rotator, Seen};

/// A refresh that somebody waits for is not read more often than this, however many ask for it: all of them wait for the
/// same read. Callers can keep an order waiting for as long as this, and no longer.
const REFRESH_COOL_DOWN: Duration = Duration::from_secs(1);

/// Before another look, where the moment that is waited for has come by our clock and not by the store's: that may
/// count whole seconds, and whoever asked at once would ask for all of one.
const AGAIN: Duration = Duration::from_millis(50);

/// What an engine is woken by.
#[derive(Debug)]
pub struct Wakers {
    /// Orders from people, and the rules; they change when the config is read again.
    pub inbox: Arc<Inbox>,
    /// The scheduler's tick: it comes also after a suspend, in which timers stand still.
    pub tick: watch::Receiver<u64>,
    /// Somebody needs a fresh read.
    pub refresh: Arc<Notify>,
}

/// Rotates one secret until it is told to stop.
pub struct Engine {
    rotator: Rotator,
    wakers: Wakers,
    spread: Spread,
    /// Of reads that failed.
    reads: Backoff,
    /// Of writes that failed. It holds back the next write alone: a disk that is full must not make views old.
    writes: Backoff,
    /// When the last write failed, and for how long after that there is no other.
    failed: Option<(Moment, Duration)>,
    /// An order that stands in the store, and is not carried through without our memory of it.
    standing: Option<Demand>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("rotator", &self.rotator).finish_non_exhaustive()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.wakers.inbox.close();
    }
}

impl Engine {
    /// An engine around a rotator.
    pub fn new(rotator: Rotator, wakers: Wakers, spread: Spread) -> Self {
        let (reads, writes) = Default::default();
        Self { rotator, wakers, spread, reads, writes, failed: None, standing: None }
    }

    /// Runs until cancelled, or until its inbox is closed; a turn that has begun is ended first. What a turn needs is in a
    /// box of its own: nearly always thousands of engines wait, and hold none.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold the engine twice, as argument and as local"
    )]
    pub fn run(mut self, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        async move {
            while !stop.is_cancelled() {
                let wait = Box::pin(self.turn()).await;
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    arrival = Self::woken(&mut self.wakers, &*self.rotator.clock, wait) => match arrival {
                        Some(Arrival::Order(order)) => Box::pin(self.carry_out(order)).await,
                        Some(Arrival::Closed) => break,
                        Some(Arrival::Policy) | None => {}
                    }
                }
            }
        }
    }

    /// One turn. Returns how long nothing has to be done after it: less than `sync` after a good read, whatever became of
    /// a write.
    async fn turn(&mut self) -> Duration {
        let policy = self.wakers.inbox.policy();
        // In a box of its own: at the start thousands of turns wait for their reads at once, and need little for it.
        let rest = match self.rotator.observe(&policy).await {
            Ok(seen) => Box::pin(self.after_read(seen, policy)),
            Err(_) => return self.reads.wait(&self.spread),
        };
        rest.await
    }

    async fn after_read(&mut self, seen: Seen, policy: Arc<Policy>) -> Duration {
        self.reads.reset();
        if let (Some(ring), Some(demand)) = (&seen.ring, &self.standing) {
            self.standing = (!plan::finished(ring, demand)).then_some(*demand);
        }
        let wait = match self.rotator.decide(&seen, &policy, self.standing.as_ref()) {
            Next::Do(decided) => self.write(&seen, decided, &policy).await,
            Next::Idle { until } => {
                self.writes_are_well();
                let now = seen.now.earliest + elapsed(seen.at, self.rotator.clock.moment());
                let rest = until.map_or(Duration::MAX, |until| until.since(now));
                if rest.is_zero() { AGAIN } else { rest }
            }
        };
        wait.min(policy.terms().sync)
    }

    /// Takes the step, unless the last write has failed too short ago. Returns how long there is nothing to write.
    async fn write(&mut self, seen: &Seen, decided: Decided, policy: &Policy) -> Duration {
        if let Some((failed, wait)) = self.failed {
            let rest = wait.saturating_sub(elapsed(failed, self.rotator.clock.moment()));
            if !rest.is_zero() {
                return rest;
            }
        }
        match self.rotator.act(seen, decided, policy).await {
            Ok(()) => {
                self.writes_are_well();
                Duration::ZERO
            }
            Err(_) => {
                let wait = self.writes.wait(&self.spread);
                self.failed = Some((self.rotator.clock.moment(), wait));
                wait
            }
        }
    }

    /// The next write goes at once.
    fn writes_are_well(&mut self) {
        self.writes.reset();
        self.failed = None;
    }

    async fn carry_out(&mut self, order: Order) {
        let policy = self.wakers.inbox.policy();
        let result = self.rotator.carry_out(&policy, order.request).await;
        // An order is a new start: what it leaves to be done is not held back by what failed before it.
        self.writes_are_well();
        if let Ok(done) = &result {
            let finished = done.seen.ring.as_ref().is_none_or(|ring| plan::finished(ring, &done.demand));
            if !finished {
                self.standing = Some(done.demand);
            }
        }
        // Whoever asked may have gone; the order stands all the same.
        drop(order.reply.send(result));
    }

    /// Waits until there is something to do: what has arrived, or another turn.
    #[expect(clippy::manual_async_fn, reason = "as `run`")]
    fn woken<'a>(
        wakers: &'a mut Wakers,
        clock: &'a dyn Clock,
        wait: Duration,
    ) -> impl Future<Output = Option<Arrival>> + Send + use<'a> {
        async move {
            let from = clock.moment();
            let mut due = clock.sleep(wait);
            loop {
                tokio::select! {
                    // A person waits for an order, and nobody for a turn.
                    biased;
                    arrival = wakers.inbox.next() => return Some(arrival),
                    () = &mut due => return None,
                    Ok(()) = wakers.tick.changed() => {
                        if elapsed(from, clock.moment()) >= wait {
                            return None;
                        }
                    }
                    () = wakers.refresh.notified() => {
                        let since = elapsed(from, clock.moment());
                        clock.sleep(REFRESH_COOL_DOWN.saturating_sub(since)).await;
                        return None;
                    }
                }
            }
        }
    }
}
