//! What an engine says, written down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossfade::{
    distribution::Distribution,
    engine::{Observation, Observer, Outcome},
    rotation::plan::Trigger,
};

/// Writes down what it is told, and publishes what was read, as a daemon does.
#[derive(Debug, Default)]
pub struct Recorder {
    distribution: Option<Arc<Distribution>>,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    observed: Vec<Arc<Observation>>,
    rotated: Vec<(Trigger, Outcome)>,
}

impl Recorder {
    /// One that publishes there.
    pub fn publishing(distribution: Arc<Distribution>) -> Self {
        Self { distribution: Some(distribution), ..Self::default() }
    }

    /// What was observed, the newest last.
    pub fn observed(&self) -> Vec<Arc<Observation>> {
        self.lock().observed.clone()
    }

    /// What was observed last.
    pub fn last(&self) -> Option<Arc<Observation>> {
        self.lock().observed.last().cloned()
    }

    /// What came of each rotation, in order.
    pub fn rotated(&self) -> Vec<(Trigger, Outcome)> {
        self.lock().rotated.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observed(&self, secret: &str, seen: &Arc<Observation>) {
        if let (Some(distribution), Some((at, now))) = (&self.distribution, seen.read) {
            distribution.publish(secret, seen.ring.as_ref(), at, now);
        }
        self.lock().observed.push(Arc::clone(seen));
    }

    fn rotated(&self, _: &str, trigger: Trigger, outcome: Outcome) {
        self.lock().rotated.push((trigger, outcome));
    }
}
