//! What of the daemon reads what others write.

use std::{future::Future, sync::OnceLock};

use crossfade_verify::Moment;
use tokio::runtime::{Builder, Runtime};

pub(crate) mod answers;
pub(crate) mod configs;
pub(crate) mod introspections;
pub(crate) mod orders;
pub(crate) mod schedules;
pub(crate) mod seeds;

/// 2026-11-26, 12:00:00 UTC.
pub(crate) const NOW_MS: u64 = 1_795_694_400_000;

/// Where time stands still, so that an input always means the same.
pub(crate) const STILL: Moment = Moment { boot_ms: 3_600_000, wall_ms: NOW_MS };

/// Runs it in virtual time: what waits costs nothing.
pub(crate) fn wait<T>(for_it: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || Builder::new_current_thread().enable_time().start_paused(true).build();
    RUNTIME.get_or_init(|| make().expect("a runtime")).block_on(for_it)
}
