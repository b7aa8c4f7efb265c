//! Counts and times each call.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use crossfade_verify::Moment;

use super::{Operation, Outcome};
use crate::{
    clock::{Clock, elapsed},
    rotation::{plan::Decided, ring::VersionId},
    store::{ReadError, Reading, Secret, Store, Versions, WriteError},
};

/// Where the numbers go.
pub trait StoreMeter: Send + Sync {
    /// One call is over. `took` has a resolution of a millisecond.
    fn observe(&self, operation: Operation, outcome: Outcome, took: Duration);
}

/// A store, or a handle of one, whose calls are counted.
pub struct Metered<S> {
    inner: S,
    meter: Arc<dyn StoreMeter>,
    clock: Arc<dyn Clock>,
}

impl<S> Metered<S> {
    /// Counts the calls of `inner`.
    pub fn new(inner: S, meter: Arc<dyn StoreMeter>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, meter, clock }
    }
}

impl<S> fmt::Debug for Metered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").finish_non_exhaustive()
    }
}

impl<S: Store> Store for Metered<S> {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        let (meter, clock) = (Arc::clone(&self.meter), Arc::clone(&self.clock));
        Box::new(Metered::new(self.inner.secret(secret), meter, clock))
    }
}

impl Metered<Box<dyn Versions>> {
    fn observe(&self, operation: Operation, outcome: Outcome, begun: Moment) {
        self.meter.observe(operation, outcome, elapsed(begun, self.clock.moment()));
    }
}

#[async_trait]
impl Versions for Metered<Box<dyn Versions>> {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let begun = self.clock.moment();
        let result = self.inner.read().await;
        self.observe(Operation::Read, Outcome::of_read(&result), begun);
        result
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        let begun = self.clock.moment();
        let result = self.inner.apply(decided).await;
        self.observe(Operation::of(&decided.step), Outcome::of_write(&result), begun);
        result
    }
}
