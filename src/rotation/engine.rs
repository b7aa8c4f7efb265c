//! The loop that carries decisions out, one task a secret.
//!
//! It is boring on purpose: read, publish, decide, one step, read again; then sleep until something
//! can have changed. Errors never end it. What it decides is not its business ([`plan`]),
//! nor what becomes of what it read ([`Observer`]).

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::plan::{self, Demand, Next, Request};
use crate::clock::{Clock, elapsed};

mod backoff;
mod inbox;
mod observation;
mod order;
mod pause;
mod rejections;
mod rotator;

pub use backoff::{Backoff, Spread};
pub use inbox::Inbox;
pub use observation::{Observation, Observer, Outcome, Parked, Reason, Trigger};
pub use order::{Done, OrderFailure};
pub use rotator::{Rotator, Seen, chain};

/// A refresh that somebody waits for is not read more often than this.
const REFRESH_COOL_DOWN: Duration = Duration::from_secs(1);

/// Before another look, where the moment that is waited for has come by our clock and not by the store's: that may
/// count whole seconds, and whoever asked at once would ask for all of one.
const AGAIN: Duration = Duration::from_millis(50);

/// An order, and whom to tell once it stands in the store and is published.
#[derive(Debug)]
pub struct Order {
    /// What was ordered.
    pub request: Request,
    /// Who waits for it.
    pub reply: oneshot::Sender<Result<Done, OrderFailure>>,
}

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
    clock: Arc<dyn Clock>,
    backoff: Backoff,
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
    pub fn new(rotator: Rotator, wakers: Wakers, clock: Arc<dyn Clock>, spread: Spread) -> Self {
        Self { rotator, wakers, clock, backoff: Backoff::new(spread), standing: None }
    }

    /// Runs until cancelled; a turn that has begun is ended first. What a turn needs is in a box of its own: nearly
    /// always thousands of engines wait, and hold none.
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
                    order = Self::woken(&mut self.wakers, &*self.clock, wait) => {
                        if let Some(order) = order {
                            Box::pin(self.carry_out(order)).await;
                        }
                    }
                }
            }
        }
    }

    /// One turn. Returns how long nothing has to be done after it.
    async fn turn(&mut self) -> Duration {
        let policy = self.wakers.inbox.policy();
        let Ok(seen) = self.rotator.observe(&policy).await else { return self.backoff.wait() };
        if let (Some(ring), Some(demand)) = (&seen.ring, &self.standing) {
            self.standing = (!plan::finished(ring, demand)).then_some(*demand);
        }
        match self.rotator.decide(&seen, &policy, self.standing.as_ref()) {
            Next::Do(step) => match self.rotator.act(&seen, step, &policy, self.standing.as_ref()).await {
                Ok(()) => {
                    self.backoff.reset();
                    Duration::ZERO
                }
                Err(_) => self.backoff.wait(),
            },
            Next::Idle { until } => {
                self.backoff.reset();
                let now = seen.now.earliest + elapsed(seen.at, self.clock.moment());
                let rest = until.map_or(Duration::MAX, |until| until.since(now));
                let rest = if rest.is_zero() { AGAIN } else { rest };
                rest.min(policy.terms().sync)
            }
        }
    }

    async fn carry_out(&mut self, order: Order) {
        let policy = self.wakers.inbox.policy();
        let result = self.rotator.carry_out(&policy, order.request).await;
        if let Ok(done) = &result {
            let finished = done.seen.ring.as_ref().is_none_or(|ring| plan::finished(ring, &done.demand));
            if !finished {
                self.standing = Some(done.demand);
            }
        }
        // Whoever asked may have gone; the order stands all the same.
        drop(order.reply.send(result));
    }

    /// Waits until there is something to do: an order, or another turn.
    async fn woken(wakers: &mut Wakers, clock: &dyn Clock, wait: Duration) -> Option<Order> {
        let from = clock.moment();
        let mut due = clock.sleep(wait);
        loop {
            tokio::select! {
                // A person waits for an order, and nobody for a turn.
                biased;
                order = wakers.inbox.next() => return order,
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
