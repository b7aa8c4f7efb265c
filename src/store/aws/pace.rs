//! How fast we call. Secrets Manager takes 50 writes a second from a whole account and region; three replicas share
//! them, with room for others.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{clock::Clock, time::millis};

/// Between two writes: some 16 a second, and as many ends beside them.
const SPACING: Duration = Duration::from_millis(60);
/// Reads of labels under way at once; each has a connection. As many of values beside them: those that hang keep no labels
/// from being read.
const READS: usize = 32;

/// Whether a write can wait for a better moment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// An end, and what replaces an ended version: it waits for its like alone.
    End,
    /// A step: it waits for its turn, as long as the read that it rests on is young enough.
    Step,
    /// A cleanup: it gives way to everything else.
    Cleanup,
}

impl Urgency {
    fn patience(self) -> Duration {
        match self {
            Self::End | Self::Step => Duration::from_secs(5),
            Self::Cleanup => Duration::from_millis(500),
        }
    }
}

/// When the next write may go, on the clock that runs on in suspend: an end, and any other.
#[derive(Debug, Default)]
struct Lanes {
    ends_ms: u64,
    others_ms: u64,
}

pub(super) struct Pace {
    next_ms: Mutex<Lanes>,
    reads: Semaphore,
    parts: Semaphore,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { next_ms: Mutex::default(), reads: Semaphore::new(READS), parts: Semaphore::new(READS) }
    }

    /// None only where the process is stopping.
    pub(super) async fn read(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok()
    }

    /// The same, for what is read beside the labels.
    pub(super) async fn part(&self) -> Option<SemaphorePermit<'_>> {
        self.parts.acquire().await.ok()
    }

    /// Waits for this write's turn. False: too many wait already; try again later.
    pub(super) async fn write(&self, urgency: Urgency, clock: &dyn Clock) -> bool {
        let wait = self.turn(urgency, clock.moment().boot_ms);
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            clock.sleep(wait).await;
        }
        wait.is_some()
    }

    fn turn(&self, urgency: Urgency, now_ms: u64) -> Option<Duration> {
        let mut next_ms = self.next_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = match urgency {
            Urgency::End => &mut next_ms.ends_ms,
            Urgency::Step | Urgency::Cleanup => &mut next_ms.others_ms,
        };
        let wait = Duration::from_millis(lane.saturating_sub(now_ms));
        if wait > urgency.patience() {
            return None;
        }
        *lane = now_ms.max(*lane).saturating_add(millis(SPACING));
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_take_turns_and_chores_give_way() {
        let pace = Pace::new();
        let spacing = |n: u32| Some(SPACING * n);
        assert_eq!(pace.turn(Urgency::Step, 1_000), spacing(0));
        assert_eq!(pace.turn(Urgency::Step, 1_000), spacing(1));
        assert_eq!(pace.turn(Urgency::Step, 1_060), spacing(1), "one has gone meanwhile");
        assert_eq!(pace.turn(Urgency::Step, 9_000), spacing(0), "what was not used is not saved up");
        for _ in 0..9 {
            let _ = pace.turn(Urgency::Step, 9_000);
        }
        assert_eq!(pace.turn(Urgency::Cleanup, 9_000), None);
        assert_eq!(pace.turn(Urgency::Step, 9_000), spacing(10));
    }

    #[test]
    fn an_end_does_not_wait_for_a_thousand_steps() {
        let pace = Pace::new();
        for _ in 0..1_000 {
            let _ = pace.turn(Urgency::Step, 0);
        }
        assert_eq!(pace.turn(Urgency::End, 0), Some(Duration::ZERO));
        assert_eq!(pace.turn(Urgency::End, 0), Some(SPACING), "ends take turns too");
    }

    #[test]
    fn of_a_thousand_at_once_those_that_would_wait_too_long_are_told_so() {
        let pace = Pace::new();
        let taken = (0..1_000).filter(|_| pace.turn(Urgency::Step, 0).is_some()).count();
        assert_eq!(taken, 84, "five seconds of them");
    }
}
