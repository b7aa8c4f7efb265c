//! Threads of their own for those that wait: whoever has just connected, and whoever is told when an accept set changes.
//!
//! Thousands of verifiers are told the same thing in the same moment, or lose their connections and come back together.
//! A verdict must not wait behind them all. So they have a runtime of their own, and the system is asked to let its
//! threads run after the others. A connection begins there, handshake and all, and leaves for good with its first request
//! for something else.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Notify,
};

const THREADS: usize = 2;

/// Enough for them to be preempted at once. They still get a tenth of a busy core each.
const NICE: i32 = 10;

/// Serves those that wait. Its threads end with the last clone.
#[derive(Clone, Debug)]
pub struct BackgroundRuntime {
    runtime: Arc<Owned>,
}

#[derive(Debug)]
struct Owned(Option<Runtime>, Handle);

impl BackgroundRuntime {
    /// Starts its threads.
    pub fn start() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        runtime
            .worker_threads(THREADS)
            .max_blocking_threads(1)
            .thread_name("background")
            .on_thread_start(step_back);
        let runtime = runtime.enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Arc::new(Owned(Some(runtime), handle)) })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.runtime.1
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // To wait for its threads is not allowed on those of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// On Linux that is this thread alone; elsewhere it would be the whole process.
fn step_back() {
    if cfg!(target_os = "linux") {
        // Where it is forbidden, all have the same priority.
        let _ = rustix::process::nice(NICE);
    }
}

/// How a connection leaves for the main runtime.
#[derive(Debug, Default)]
pub(super) struct Handover {
    is_asked_for: AtomicBool,
    begun: Notify,
    ended: Notify,
}

impl Handover {
    /// Asks for it. False: it was asked for before.
    pub(super) fn begin(&self) -> bool {
        let first = !self.is_asked_for.swap(true, Ordering::Relaxed);
        if first {
            self.begun.notify_one();
        }
        first
    }

    pub(super) async fn begun(&self) {
        self.begun.notified().await;
    }

    pub(super) fn end(&self) {
        self.ended.notify_one();
    }

    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}
