//! A flag that can be waited for. Whoever waits is woken in the order of waiting; tokio's own watch wakes by chance.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Flag {
    up: AtomicBool,
    changed: Notify,
}

impl Flag {
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Relaxed)
    }

    pub(crate) fn set(&self, up: bool) {
        self.up.store(up, Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) async fn wait_for(&self, up: bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_up() == up {
                return;
            }
            changed.await;
        }
    }
}
