//! A daemon that can be killed, stopped and started again; what it says goes to a file.

use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
    process::{Child, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use crossfade_testing_fleet::process::call;

use super::{
    hand::Hand,
    run::{now_ms, pause},
};

pub(super) struct Daemon {
    pub(super) name: String,
    pub(super) hand: Hand,
    pub(super) listen: u16,
    pub(super) metrics: u16,
    pub(super) log: PathBuf,
    /// Its clock, where it has one of its own: see [`super::clocks`].
    pub(super) clock: Option<PathBuf>,
    /// Held for as long as something is done to it.
    child: Mutex<Option<Child>>,
}

impl Daemon {
    pub(super) fn new(
        name: String,
        hand: Hand,
        (listen, metrics): (u16, u16),
        log: PathBuf,
        clock: Option<PathBuf>,
    ) -> Self {
        Self { name, hand, listen, metrics, log, clock, child: Mutex::new(None) }
    }

    pub(super) fn start(&self) -> Result<()> {
        self.spawn(&mut self.lock())
    }

    fn spawn(&self, child: &mut Option<Child>) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = self.hand.command("serve");
        command.args(["--log-format", "json"]).stdout(Stdio::null()).stderr(log);
        *child = Some(command.spawn().context("the daemon can't be started")?);
        Ok(())
    }

    /// Ready to serve.
    pub(super) fn until_ready(&self, patience: Duration) -> Result<()> {
        let began = now_ms();
        while !call(self.metrics, "GET", "/readyz", &[], "").is_ok_and(|answer| answer.status == 200) {
            ensure!(
                u128::from(now_ms() - began) < patience.as_millis(),
                "{} is not ready: {}",
                self.name,
                self.last_words()
            );
            pause(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Killed, and started again after what is done meanwhile. False: something else is being done to it.
    pub(super) fn kill_during(&self, meanwhile: impl FnOnce()) -> Result<bool> {
        let Ok(mut child) = self.child.try_lock() else { return Ok(false) };
        end(&mut child);
        meanwhile();
        self.spawn(&mut child)?;
        Ok(true)
    }

    /// Stopped, and let go on after what is done meanwhile.
    pub(super) fn stop_during(&self, meanwhile: impl FnOnce()) -> bool {
        let Ok(child) = self.child.try_lock() else { return false };
        let Some(pid) = child.as_ref().map(Child::id) else { return false };
        signal(pid, "-STOP");
        meanwhile();
        signal(pid, "-CONT");
        true
    }

    /// Whether it has ended although nobody killed it.
    pub(super) fn has_ended(&self) -> bool {
        let Ok(mut child) = self.child.try_lock() else { return false };
        child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(1500);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.lock());
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        drop(child.kill());
        drop(child.wait());
    }
}

/// To one process, by its number.
pub(super) fn signal(pid: u32, signal: &str) {
    crossfade_testing_fleet::process::send(signal, &pid.to_string());
}
