//! The daemon's log, written by a thread of its own: a reader that stops reading (a full pipe of a container's log
//! driver) holds up nothing else. Lines that don't fit are dropped, and counted in a line of their own.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Builder,
    time::Duration,
};

/// So many lines wait at most; those beyond are dropped, whoever's they are, and their number is told. How many lines
/// callers may cause is bounded where they cause them ([`crate::quiet`]).
const WAITING: usize = 4096;
/// How long the last lines are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

enum Job {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    Flush(SyncSender<()>),
}

/// Hands lines on.
#[derive(Clone)]
pub(super) struct LogWriter {
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
}

impl LogWriter {
    pub(super) fn start() -> io::Result<Self> {
        Self::on(io::stderr())
    }

    fn on(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING);
        let dropped = Arc::<AtomicU64>::default();
        let of_thread = Arc::clone(&dropped);
        Builder::new().name("log".to_owned()).spawn(move || write(&waiting, &of_thread, out))?;
        Ok(Self { jobs, dropped })
    }

    /// Waits until everything is written, though not for long.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        let jobs = self.jobs.clone();
        // The queue may be full, and whoever reads the log may have stopped: another thread waits for the place, and
        // this one for no longer than it says.
        let asked = Builder::new().name("flush".to_owned()).spawn(move || jobs.send(Job::Flush(done)));
        if asked.is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.jobs.try_send(Job::Line(line.to_owned())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(jobs: &Receiver<Job>, dropped: &AtomicU64, mut out: impl Write) {
    while let Ok(job) = jobs.recv() {
        match job {
            // A reader that is gone for good is nobody to tell.
            Job::Line(line) => drop(out.write_all(&line)),
            Job::Flush(done) => {
                let _ = done.try_send(());
            }
        }
        let lines = dropped.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(
                "{lines} lines of this log were dropped before this one: whoever reads it was too slow"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A reader that reads only while the lock is free.
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_what_fits_is_kept_in_its_order() {
        let read = Arc::<Mutex<Vec<u8>>>::default();
        let mut log = LogWriter::on(Slow(Arc::clone(&read))).expect("a thread");
        let stopped = read.lock().expect("no panic");
        for line in 0..WAITING + 100 {
            log.write_all(format!("{line}\n").as_bytes()).expect("it never fails its caller");
        }
        let dropped = log.dropped.load(Ordering::Relaxed);
        assert!((99..=100).contains(&dropped), "one may be in the thread's hands: {dropped}");
        drop(stopped);
        while log.jobs.try_send(Job::Line(b"the last\n".to_vec())).is_err() {}
        log.flush();
        let text = String::from_utf8(read.lock().expect("no panic").clone()).expect("text");
        let numbers: Vec<usize> = text.lines().map_while(|line| line.parse().ok()).collect();
        assert!(numbers.len() >= WAITING && numbers.is_sorted());
        assert_eq!((text.lines().last(), log.dropped.load(Ordering::Relaxed)), (Some("the last"), 0));
    }
}
