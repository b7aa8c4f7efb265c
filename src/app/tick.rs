//! The one tick: it wakes the engines each second, which then ask the store's time what is due.
//!
//! No rotation is a job of the scheduler's. A missed, doubled or late tick changes nothing: what is
//! due is computed from what the store holds.

use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Starts ticking; it goes on until the scheduler is dropped.
pub(super) async fn start(ticks: watch::Sender<u64>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let job = Job::new("* * * * * *", move |_, _| ticks.send_modify(|tick| *tick += 1))?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}
