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
        let account = &self.writer.account;
        if self.put(About::Us, now, event, told) && !account.is_behind() {
            account.set_behind(timeout(PATIENCE, written).await.is_err());
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
    use std::{
        io,
        sync::{
            Arc,
            mpsc::{Receiver, sync_channel},
        },
    };

    use super::{
        super::{
            event::tests::event,
            writer::{Account, Pages, Writer},
        },
        *,
    };

    impl AuditLog {
        /// Waits for the entry as the daemon does, in a test without a runtime.
        pub(in super::super) fn record(&self, now: Timestamp, event: Event) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.expect("a runtime").block_on(self.recorded(now, event));
        }
    }

    /// A disk that answers when the test says so.
    struct Slow(Receiver<()>);

    impl Pages for Slow {
        fn append(&mut self, _: &[(Timestamp, Event)]) -> io::Result<()> {
            self.0.recv().map_err(io::Error::other)
        }
    }

    #[tokio::test]
    async fn a_place_is_kept_until_its_entry_is_written_also_where_nobody_waits_for_it_any_more() {
        let (disk, answers) = sync_channel(1);
        let account = Arc::<Account>::default();
        let writer = Writer::start(Slow(answers), &account).expect("a thread");
        let log = AuditLog { writer };
        let (place, now) = (Arc::new(()), Timestamp::from_millis(1));
        {
            let waits = std::pin::pin!(log.recorded_for(now, event("a caller's"), Arc::clone(&place)));
            let connection = timeout(Duration::ZERO, waits).await;
            assert!(connection.is_err(), "it was not on the disk yet, and its caller has gone");
        }
        assert_eq!(Arc::strong_count(&place), 2, "the place is still taken");
        disk.send(()).expect("the thread waits");
        while Arc::strong_count(&place) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.failures(), 0);
    }
}
