//! Input: `PATTERN|TIME ZONE|seconds from 2026 on`.

use std::{str, time::Duration};

use crossfade::{rotation::schedule::Schedule, time::Timestamp};

/// Slots come one after the other, never nearer than the gap that is stated, and looking back finds what looking
/// ahead has found.
pub(crate) fn hold(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let parts: Vec<_> = text.splitn(3, '|').collect();
    let [pattern, zone, seconds] = parts[..] else { return };
    let Ok(seconds) = seconds.parse::<u32>() else { return };
    let Ok(schedule) = Schedule::cron(pattern, zone) else { return };
    let (created, gap) = (Timestamp::default(), schedule.shortest_gap());
    // What a clock did before that is not looked at, nor what it may do much later.
    let (first, last_year) = (1_767_225_600, 1_767_225_600 + 25 * 365 * 24 * 3600);
    let mut at = Timestamp::from_millis((first + u64::from(seconds)) * 1000);
    let mut last = None;
    for _ in 0..4 {
        let Some(slot) = schedule.next_slot(created, at) else { return };
        if slot.as_millis() / 1000 > last_year {
            return;
        }
        assert!(slot > at, "a slot lies ahead");
        assert_eq!(schedule.latest_slot(created, slot), Some(slot), "what was found ahead is found behind");
        let earlier = schedule.latest_slot(created, slot - Duration::from_millis(1));
        assert!(earlier.is_none_or(|earlier| earlier < slot), "a slot before itself");
        assert!(
            last.is_none_or(|last| slot.since(last) >= gap),
            "{text:?}: two slots are nearer than {gap:?}"
        );
        (at, last) = (slot, Some(slot));
    }
}
