//! Log lines that somebody else can cause, and how many of them are written.
//!
//! A line for each request would let one caller fill the log, its reader's disk, and the queue in which our own
//! lines wait. So a few are written in each interval, and the next one says how many were left out. What was left
//! out last is said with the next line, or never: whoever needs the number has a metric for it.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Lines of one kind. It holds a few numbers, however many lines others cause.
#[derive(Debug)]
pub struct Quiet {
    lines: u32,
    every: Duration,
    count: Mutex<Count>,
}

/// Of one interval, but for what was left out, which counts until it is told.
#[derive(Debug)]
struct Count {
    /// When the interval began; none: no line was asked for yet.
    since_ms: Option<u64>,
    written: u32,
    left_out: u64,
}

/// How many lines were left out since the last one that was written. It is written behind a line, and is nothing
/// where none was left out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LeftOut(pub u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" (1 line like this one was left out before it)"),
            more => write!(f, " ({more} lines like this one were left out before it)"),
        }
    }
}

impl Default for Quiet {
    /// Five lines a minute: where nothing speaks for another number.
    fn default() -> Self {
        Self::new(5, Duration::from_secs(60))
    }
}

impl Quiet {
    /// So many lines in each interval.
    pub const fn new(lines: u32, every: Duration) -> Self {
        let count = Count { since_ms: None, written: 0, left_out: 0 };
        Self { lines, every, count: Mutex::new(count) }
    }

    /// Whether a line may be written now; none: it is left out. Any clock will do, for as long as it is the same one;
    /// where it has run back, an interval begins anew.
    pub fn may_write(&self, now_ms: u64) -> Option<LeftOut> {
        // Held for these few lines only, and never across a write or an await.
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = count.since_ms.is_none_or(|since_ms| {
            now_ms < since_ms || u128::from(now_ms - since_ms) >= self.every.as_millis()
        });
        if is_over {
            (count.since_ms, count.written) = (Some(now_ms), 0);
        }
        if count.written >= self.lines {
            count.left_out = count.left_out.saturating_add(1);
            return None;
        }
        count.written += 1;
        Some(LeftOut(std::mem::take(&mut count.left_out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lines_an_interval_are_written_and_the_next_says_how_many_were_left_out() {
        let quiet = Quiet::new(2, Duration::from_secs(1));
        let at = |now_ms| quiet.may_write(now_ms).map(|LeftOut(lines)| lines);
        assert_eq!([at(5_000), at(5_001), at(5_002), at(5_999)], [Some(0), Some(0), None, None]);
        assert_eq!([at(6_000), at(6_001), at(6_002)], [Some(2), Some(0), None]);
        assert_eq!([at(1), at(2), at(3)], [Some(1), Some(0), None], "the clock was set back");
    }

    #[test]
    fn what_is_said_behind_a_line_is_nothing_where_none_was_left_out() {
        for (left_out, says) in [
            (0, ""),
            (1, " (1 line like this one was left out before it)"),
            (7, " (7 lines like this one were left out before it)"),
        ] {
            assert_eq!(LeftOut(left_out).to_string(), says);
        }
    }
}
