//! What all threads of a run share: its end, its time line, its score.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write as _,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::score::Score;

/// Events that are shown with a violation.
const SHOWN: usize = 25;

pub(super) struct Run {
    pub(super) score: Score,
    /// Where logs are kept.
    pub(super) logs: PathBuf,
    began_ms: u64,
    over: AtomicBool,
    interrupted: AtomicBool,
    timeline: Mutex<(VecDeque<String>, File)>,
}

impl Run {
    pub(super) fn new(logs: PathBuf) -> std::io::Result<Self> {
        let file = File::create(logs.join("timeline"))?;
        Ok(Self {
            score: Score::default(),
            logs,
            began_ms: now_ms(),
            over: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            timeline: Mutex::new((VecDeque::new(), file)),
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Relaxed);
    }

    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Relaxed);
        self.end();
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Relaxed)
    }

    /// Waits so long, or until the run is over.
    pub(super) fn nap(&self, duration: Duration) {
        let until = now_ms() + u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        loop {
            let left = until.saturating_sub(now_ms());
            if left == 0 || self.is_over() {
                return;
            }
            pause(Duration::from_millis(left.min(50)));
        }
    }

    /// Writes down what happens.
    pub(super) fn tell(&self, what: &str) {
        let at = now_ms().saturating_sub(self.began_ms);
        let line = format!("{:>9.3} s  {what}", at as f64 / 1000.0);
        let mut timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, file) = &mut *timeline;
        // A full disk of the machine's own is no reason to stop.
        drop(writeln!(file, "{line}"));
        if last.len() == SHOWN {
            last.pop_front();
        }
        last.push_back(line);
    }

    /// Something that was injected.
    pub(super) fn inject(&self, what: &str, detail: &str) {
        self.score.injected(what);
        self.tell(&format!("{what}: {detail}"));
    }

    /// What happened last.
    pub(super) fn last_events(&self) -> String {
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        timeline.0.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The machine's wall clock, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the run's own time")]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the run's own threads may block")]
pub(super) fn pause(duration: Duration) {
    thread::sleep(duration);
}
