//! Waiting for an entry without a thread, for whoever runs on tokio. The log itself knows no runtime.

use std::time::Duration;

use tokio::{sync::oneshot, time::timeout};

use super::{AuditLog, Event, Unwritten, event::About, writer::Told};
use crate::time::Timestamp;

/// How long an entry about us is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

impl AuditLog {
    /// Appends an entry about us: a step, an order, what a person did. It never fails its caller: where the entry can't
    /// be written, that is logged and counted.
    ///
    /// It returns once the entry is on the disk: after a few milliseconds, and after 200 at most. Where that is not
    /// enough, the log's thread goes on trying, and nobody waits until an entry is written in time again.
    pub async fn recorded(&self, now: Timestamp, event: Event) {
        let (told, written) = channel(());
        if self.put(About::Us, now, event, told) && !self.account.is_behind() {
            self.account.set_behind(timeout(PATIENCE, written).await.is_err());
        }
    }

    /// Appends an entry about a caller. It returns once the entry is on the disk, or lost and loudly so, however long
    /// that takes: whoever has to answer in time limits it. Then the entry may still be written, and `place` is kept
    /// until it is: what a caller has started goes on counting for its caller.
    pub async fn recorded_for(
        &self,
        now: Timestamp,
        event: Event,
        place: impl Send + 'static,
    ) -> Result<(), Unwritten> {
        let (told, written) = channel(place);
        if !self.put(About::Caller, now, event, told) {
            return Err(Unwritten);
        }
        // The log's thread has broken down: nobody will ever say so.
        written.await.map_err(|_| Unwritten)
    }
}

fn channel(place: impl Send + 'static) -> (Told, oneshot::Receiver<()>) {
    let (sender, written) = oneshot::channel();
    let told = move || {
        drop(place);
        // Nobody may wait for it any more.
        let _ = sender.send(());
    };
    (Box::new(told), written)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl AuditLog {
        /// Waits for the entry as the daemon does, in a test without a runtime.
        pub(in super::super) fn record(&self, now: Timestamp, event: Event) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.expect("a runtime").block_on(self.recorded(now, event));
        }
    }
}
