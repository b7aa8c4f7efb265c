//! Placeholder until the schedule lands.
use crate::time::Timestamp;
use std::time::Duration;
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    every: Duration,
}
impl Schedule {
    pub fn every(period: Duration) -> Result<Self, std::convert::Infallible> {
        Ok(Self { every: period })
    }
    pub fn latest_slot(&self, created: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let n = now.since(created).as_millis() / self.every.as_millis();
        (n > 0).then(|| created + self.every * n as u32)
    }
    pub fn next_slot(&self, created: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let n = after.since(created).as_millis() / self.every.as_millis() + 1;
        Some(created + self.every * n as u32)
    }
    pub fn shortest_gap(&self) -> Duration {
        self.every
    }
}
pub fn jitter_of(_: &str, _: Timestamp, _: Duration) -> Duration {
    Duration::ZERO
}
