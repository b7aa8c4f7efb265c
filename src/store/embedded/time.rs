//! The store's clock. It doesn't run back, doesn't stop in suspend, and is the same for all processes.
//!
//! Within a boot it is the machine's boot clock, counted from an anchor that stands in the database:
//! a wall clock that is set, jumps or is slewed changes nothing. At a new boot, and where the boot clock has gone back
//! (the machine was put back to a snapshot, or a container has a boot clock of its own), the anchor is set
//! anew, at the wall clock or at the highest time that is known, whichever is later. The highest time
//! is written with each step, and at most once a minute by reads: after a reboot with a wall clock in
//! the past the clock goes on no more than a minute before where it was.
//!
//! Where the wall clock parts from it by more than 5 s, somebody has set the wall clock since boot (or
//! the machine was restored from a snapshot). Soaks and deadlines are not touched by that: they are
//! lengths of time. Slots of a schedule fall by the store's clock, and so beside the wall clock's. A clock that is
//! behind takes the wall clock over at the next boot. One that is ahead can't: deadlines and verifiers' views count
//! on it never running back. It stays ahead, by as much less at each boot as the machine was off before.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crossfade_verify::Moment;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    error::{DatabaseError, OpenError},
    seal::{Bound, Sealer},
};
use crate::{clock::Clock, time::Timestamp};

/// The most by which the clocks may part without a warning, in milliseconds.
const APART_MS: u64 = 5_000;
/// How far the highest time that is stored may lie behind, in milliseconds; and how far the boot clock may, before it is
/// taken for another one.
const BEHIND_MS: u64 = 60_000;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Names the time namespace, since Linux 5.6: within a boot each has a boot clock of its own.
const TIME_NAMESPACE: &str = "/proc/self/ns/time";

/// This machine's clocks, and which boot clock it is.
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    boot_id: String,
    /// The last store time at which a read wrote, or tried to write, the highest time.
    noted: AtomicU64,
    warned: AtomicBool,
}

impl Time {
    pub(super) fn new(clock: Arc<dyn Clock>, boot_id: Option<String>) -> Result<Self, OpenError> {
        let kernel = || {
            let failed = |source| OpenError::Io { what: "read the boot id", path: BOOT_ID.into(), source };
            let boot = std::fs::read_to_string(BOOT_ID).map_err(failed)?;
            let namespace = std::fs::read_link(TIME_NAMESPACE).unwrap_or_default();
            Ok(format!("{} {}", boot.trim(), namespace.display()))
        };
        let boot_id = boot_id.map_or_else(kernel, Ok)?.trim().to_owned();
        Ok(Self { clock, boot_id, noted: AtomicU64::new(0), warned: AtomicBool::new(false) })
    }

    pub(super) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// Whether a read should write the highest time down. It is asked for at most once a minute,
    /// also where writing fails: a full disk must not slow reads down.
    pub(super) fn should_note(&self, anchor: &Anchor, now: Timestamp) -> bool {
        let last = anchor.highest.as_millis().max(self.noted.load(Ordering::Relaxed));
        let due = now.as_millis().saturating_sub(last) >= BEHIND_MS;
        if due {
            self.noted.store(now.as_millis(), Ordering::Relaxed);
        }
        due
    }

    /// Says once, each time that they part, that the clocks have parted.
    pub(super) fn compare(&self, now: Timestamp, moment: Moment) {
        let apart = now.as_millis().abs_diff(moment.wall_ms);
        if apart <= APART_MS {
            self.warned.store(false, Ordering::Relaxed);
        } else if !self.warned.swap(true, Ordering::Relaxed) {
            let until = if now.as_millis() < moment.wall_ms {
                "until the machine is rebooted"
            } else {
                "which is ahead, and stays so over reboots: it makes up for as long as the machine is off"
            };
            tracing::warn!(
                store = %now, wall = %Timestamp::from_millis(moment.wall_ms),
                "the wall clock has parted from the store's clock by {} s. Soaks and deadlines are not \
                 touched; slots fall by the store's clock, {until}",
                apart / 1000
            );
        }
    }
}

/// From what the clock counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Anchor {
    boot_id: String,
    boot_ms: u64,
    store: Timestamp,
    highest: Timestamp,
}

impl Anchor {
    /// The first one of a new database: it begins at the wall clock.
    pub(super) fn first(time: &Time) -> Self {
        let Moment { boot_ms, wall_ms } = time.moment();
        let store = Timestamp::from_millis(wall_ms);
        Self { boot_id: time.boot_id.clone(), boot_ms, store, highest: store }
    }

    /// The store's time; none where the anchor is of an earlier boot, or of another boot clock.
    pub(super) fn now(&self, time: &Time, moment: Moment) -> Option<Timestamp> {
        let passed = std::time::Duration::from_millis(moment.boot_ms.saturating_sub(self.boot_ms));
        let counted = self.store + passed;
        // By a little another process was ahead of us. By more the boot clock has gone back under the same boot id, and
        // counted on from the anchor the time would stand still until it has caught up.
        let went_back = self.boot_ms > moment.boot_ms + BEHIND_MS
            || self.highest.as_millis() > counted.as_millis() + BEHIND_MS;
        (self.boot_id == time.boot_id && !went_back).then(|| counted.max(self.highest))
    }

    /// The time, and the anchor that has to be written for it to hold in every process.
    pub(super) fn settle(mut self, time: &Time, moment: Moment) -> (Timestamp, Self) {
        let known = self.now(time, moment);
        let now = known.unwrap_or_else(|| self.highest.max(Timestamp::from_millis(moment.wall_ms)));
        if known.is_none() {
            self.boot_id.clone_from(&time.boot_id);
            self.boot_ms = moment.boot_ms;
            self.store = now;
        }
        self.highest = now;
        (now, self)
    }

    pub(super) fn load(connection: &Connection, sealer: &Sealer) -> Result<Self, DatabaseError> {
        let columns = |row: &Row<'_>| {
            let millis = |column| row.get(column).map(i64::cast_unsigned);
            let anchor = Self {
                boot_id: row.get("boot_id")?,
                boot_ms: millis("boot_ms")?,
                store: Timestamp::from_millis(millis("store_ms")?),
                highest: Timestamp::from_millis(millis("highest_ms")?),
            };
            Ok((anchor, row.get::<_, Vec<u8>>("seal")?))
        };
        let mut query = connection.prepare("SELECT * FROM clock WHERE one = 1")?;
        let row = query.query_row([], columns).optional()?;
        row.filter(|(anchor, seal)| sealer.vouches_for(anchor.bound(), seal))
            .map(|(anchor, _)| anchor)
            .ok_or_else(|| DatabaseError::damaged("the store's clock"))
    }

    pub(super) fn save(&self, connection: &Connection, sealer: &Sealer) -> Result<(), DatabaseError> {
        let mut put = connection.prepare(
            "REPLACE INTO clock (one, boot_id, boot_ms, store_ms, highest_ms, seal) VALUES (1, ?, ?, ?, ?, ?)",
        )?;
        let [boot, store, highest] =
            [self.boot_ms, self.store.as_millis(), self.highest.as_millis()].map(u64::cast_signed);
        put.execute(params![self.boot_id, boot, store, highest, sealer.sign(self.bound())?])?;
        Ok(())
    }

    fn bound(&self) -> Bound {
        Bound::to("clock")
            .bytes(self.boot_id.as_bytes())
            .number(self.boot_ms)
            .time(self.store)
            .time(self.highest)
    }
}
