//! The thread that writes the file. Whoever has something to write down waits for the disk, and not for a process that
//! keeps the log locked.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use super::{event::Event, file::Log};
use crate::time::Timestamp;

/// How long an entry is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// So many entries may wait; more are lost, loudly.
const WAITING: usize = 1024;

/// What the thread and those who write share.
#[derive(Default)]
pub(super) struct Account {
    failures: AtomicU64,
    /// The last entry was not written within [`PATIENCE`]: nobody waits until one is written again.
    behind: AtomicBool,
}

impl Account {
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn lost(&self, event: &Event, error: &io::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(?event, "the audit log lost an entry, which stands here: {error}");
    }
}

struct Entry {
    now: Timestamp,
    event: Event,
    done: SyncSender<()>,
}

/// Ends when it is dropped, with everything written or lost.
pub(super) struct Writer {
    entries: Option<SyncSender<Entry>>,
    thread: Option<JoinHandle<()>>,
    account: Arc<Account>,
}

impl Writer {
    pub(super) fn start(log: Log, account: &Arc<Account>) -> io::Result<Self> {
        let (entries, waiting) = sync_channel(WAITING);
        let of_thread = Arc::clone(account);
        let thread =
            Builder::new().name("audit".to_owned()).spawn(move || write(log, &waiting, &of_thread))?;
        Ok(Self { entries: Some(entries), thread: Some(thread), account: Arc::clone(account) })
    }

    /// Returns once the entry is on the disk, or was waited for in vain.
    pub(super) fn put(&self, now: Timestamp, event: Event) {
        let (done, written) = sync_channel(1);
        let Some(entries) = &self.entries else { return };
        match entries.try_send(Entry { now, event, done }) {
            Ok(()) if self.account.behind.load(Ordering::Relaxed) => {}
            Ok(()) => {
                let late = written.recv_timeout(PATIENCE).is_err();
                self.account.behind.store(late, Ordering::Relaxed);
            }
            Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) => {
                let why = io::Error::other("too many entries wait for a file that can't be written");
                self.account.lost(&lost.event, &why);
            }
        }
    }
}

fn write(mut log: Log, waiting: &Receiver<Entry>, account: &Account) {
    while let Ok(Entry { now, event, done }) = waiting.recv() {
        match log.append(now, &event) {
            Ok(()) => account.behind.store(false, Ordering::Relaxed),
            Err(error) => account.lost(&event, &error),
        }
        // Nobody may wait for it any more.
        let _ = done.try_send(());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.entries = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that writes the audit log broke down");
        }
    }
}
