//! A younger view before a token is accepted by an old one: who asks the store for it, and who waits.
//!
//! A daemon that was stopped, or whose machine was suspended, was cut off from the store without knowing it.

use std::{slice, sync::Arc, time::Duration};

use crossfade_verify::{
    Moment,
    gate::{Answer, Gate, Need},
};

use super::sets::Distribution;

impl Distribution {
    /// Waits until each secret of the audience was read anew, where that is this caller's turn; for `limit` at most.
    /// Whether it waited, and so has to decide again. `random` is from 0 to 1.
    pub async fn renewed(&self, audience: &Arc<str>, limit: Duration, random: f64) -> bool {
        let started = self.clock.moment();
        let answer = self.gate(audience, |gate| gate.ask(Need::Old, started, random));
        if answer == Some(Answer::Start) {
            let mut round = Round { of: self, audience, started, succeeded: false };
            round.succeeded = self.is_read(audience, limit).await;
        } else if answer == Some(Answer::Join) {
            self.is_read(audience, limit).await;
        }
        matches!(answer, Some(Answer::Start | Answer::Join))
    }

    async fn is_read(&self, audience: &Arc<str>, limit: Duration) -> bool {
        tokio::select! {
            () = self.refreshed(slice::from_ref(audience)) => true,
            () = self.clock.sleep(limit) => false,
        }
    }

    fn gate<T>(&self, audience: &str, of: impl FnOnce(&mut Gate) -> T) -> Option<T> {
        self.published.load().get(audience).map(|slot| slot.gate(of))
    }
}

/// A refresh that somebody has started. It ends also where its caller goes away.
struct Round<'a> {
    of: &'a Distribution,
    audience: &'a str,
    started: Moment,
    succeeded: bool,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        let Self { of, audience, started, succeeded } = *self;
        of.gate(audience, |gate| gate.end(started, succeeded, of.clock.moment()));
    }
}
