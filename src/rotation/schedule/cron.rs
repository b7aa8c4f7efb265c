//! Slots on a wall clock.
//!
//! croner says which wall-clock times a pattern matches. Which moments those are is decided here,
//! stretch by stretch: between two changes of the zone's offset, the wall clock just runs.
//! (croner's own search in a zone keeps a time that the clock jumps over, or that it shows twice, to
//! one slot only where a pattern has a single time of day: `0 2,14 * * *` would lose a slot
//! in spring and gain one in autumn.)

use std::{fmt, time::Duration};

use croner::parser::{CronParser, Seconds, Year};
use jiff::{
    SignedDuration,
    civil::{DateTime, Time, date},
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use super::error::ScheduleError;
use crate::time::Timestamp;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The last moment asked about: croner's calendar ends with the year 4999.
const LAST: jiff::Timestamp = jiff::Timestamp::constant(95_617_583_999, 0);

/// The years over which the shortest gap is looked for: one full cycle of weekdays and leap years.
const SURVEYED: (i16, i16) = (2024, 2024 + 28);

/// A pattern on the wall clock of a zone.
#[derive(Clone, PartialEq)]
pub(super) struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
    shortest_gap: Duration,
}

/// A time in which the zone's offset does not change.
struct Stretch {
    /// Its first moment.
    start: jiff::Timestamp,
    /// The first moment after it.
    end: jiff::Timestamp,
    offset: Offset,
    /// The wall-clock time from which matches belong to it. Before what the clock shows at `start`
    /// if it jumps forward there: what it jumps over happens at `start`. After that, if it
    /// goes back: what it repeats has happened.
    floor: DateTime,
}

impl Stretch {
    /// What the clock would show at its end, had it not been changed.
    fn ceiling(&self) -> DateTime {
        self.offset.to_datetime(self.end)
    }

    /// When a matching wall-clock time within floor and ceiling happens.
    fn moment(&self, wall: DateTime) -> Option<jiff::Timestamp> {
        self.offset.to_timestamp(wall).ok().map(|at| at.max(self.start))
    }
}

impl Cron {
    pub(super) fn new(pattern: &str, timezone: &str) -> Result<Self, ScheduleError> {
        let fields = pattern.split_whitespace().count();
        if !(5..=6).contains(&fields) {
            return Err(ScheduleError::Fields { pattern: pattern.to_owned(), fields });
        }
        // croner takes it for a list without values, and would look through all years for one.
        if pattern.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
            let reason = "there is nothing before, between or after commas of a list".to_owned();
            return Err(ScheduleError::Pattern { pattern: pattern.to_owned(), reason });
        }
        let zone = TimeZoneDatabase::bundled()
            .get(timezone)
            .ok()
            .filter(|zone| !zone.is_unknown())
            .ok_or_else(|| ScheduleError::Timezone { timezone: timezone.to_owned() })?;
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let parsed = parser.parse(pattern).map_err(|error| ScheduleError::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        let mut cron = Self { pattern: parsed, zone, shortest_gap: Duration::MAX };
        // The Gregorian calendar repeats after 400 years: what did not occur by 4999 never does.
        if cron.match_from(date(SURVEYED.0, 1, 1).into()).is_none() {
            return Err(ScheduleError::NeverOccurs { pattern: pattern.to_owned() });
        }
        cron.shortest_gap = cron.shortest_on_the_clock().min(cron.shortest_at_a_change());
        Ok(cron)
    }

    /// The latest slot at or before `now`.
    pub(super) fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        self.at_or_before(to_jiff(now).unwrap_or(LAST)).and_then(from_jiff)
    }

    /// The first slot after `after`.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.after(to_jiff(after)?).filter(|slot| *slot <= LAST).and_then(from_jiff)
    }

    /// See [`super::Schedule::shortest_gap`].
    pub(super) fn shortest_gap(&self) -> Duration {
        self.shortest_gap
    }

    /// Goes back by stretches, and searches anew only where the last answer says nothing of the
    /// next one: the clock repeats something there, or jumps over what was found.
    fn at_or_before(&self, now: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut stretch = self.stretch(now);
        let mut last = stretch.offset.to_datetime(now);
        let mut wall = self.match_until(last)?;
        while wall < stretch.floor {
            stretch = self.stretch(stretch.start.checked_sub(SECOND).ok()?);
            let end = stretch.ceiling().checked_sub(SECOND).ok()?;
            if !(wall..=last).contains(&end) {
                last = end;
                wall = self.match_until(last)?;
            }
        }
        stretch.moment(wall)
    }

    /// The same forwards.
    fn after(&self, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut stretch = self.stretch(after);
        let mut first = stretch.floor.max(stretch.offset.to_datetime(after).checked_add(SECOND).ok()?);
        let mut wall = self.match_from(first)?;
        while wall >= stretch.ceiling() {
            stretch = self.stretch(stretch.end);
            if !(first..=wall).contains(&stretch.floor) {
                first = stretch.floor;
                wall = self.match_from(first)?;
            }
        }
        stretch.moment(wall)
    }

    /// The last wall-clock time that matches, at or before `last`.
    fn match_until(&self, last: DateTime) -> Option<DateTime> {
        self.pattern.find_previous_occurrence(&last, true).ok()
    }

    /// The first wall-clock time that matches, at or after `first`.
    fn match_from(&self, first: DateTime) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&first, true).ok()
    }

    fn stretch(&self, at: jiff::Timestamp) -> Stretch {
        let offset = self.zone.to_offset(at);
        let just_after = at.checked_add(SECOND).unwrap_or(jiff::Timestamp::MAX);
        let start = self.zone.preceding(just_after).next().map_or(jiff::Timestamp::MIN, |it| it.timestamp());
        let end = self.zone.following(at).next().map_or(jiff::Timestamp::MAX, |it| it.timestamp());
        let shown_before = match start.checked_sub(SECOND) {
            Ok(before) if !self.matches_every_hour() => self.zone.to_offset(before),
            _ => offset,
        };
        Stretch { start, end, offset, floor: shown_before.to_datetime(start) }
    }

    /// Whether it goes by elapsed time: a day with one hour more or less has a slot more or less.
    fn matches_every_hour(&self) -> bool {
        self.pattern.pattern.hours.values().len() == 24
    }

    /// The shortest gap on a clock that is never changed.
    ///
    /// Within a day it is read off the fields, from the finest to the coarsest; over midnight it
    /// takes the matching days of 28 years, in which every weekday meets every date.
    fn shortest_on_the_clock(&self) -> Duration {
        let fields = &self.pattern.pattern;
        let (mut first, mut last, mut gap) = (0, 0, u64::MAX);
        for (field, unit) in [(&fields.seconds, 1), (&fields.minutes, 60), (&fields.hours, 3600)] {
            let values: Vec<u64> = field.values().into_iter().map(u64::from).collect();
            for pair in values.windows(2) {
                gap = gap.min((pair[1] - pair[0]) * unit + first - last);
            }
            first += values.first().map_or(0, |value| value * unit);
            last += values.last().map_or(0, |value| value * unit);
        }
        Duration::from_secs(gap.min(self.fewest_days() * 24 * 60 * 60 + first - last))
    }

    /// The fewest days from one matching day to the next. A pattern with fewer than two in 28 years
    /// counts as if they were that far apart.
    fn fewest_days(&self) -> u64 {
        let (mut fewest, mut previous) = (28 * 365, None);
        let mut first = date(SURVEYED.0, 1, 1);
        while let Some(day) = self.match_from(first.into()).map(DateTime::date)
            && day.year() < SURVEYED.1
            && fewest > 1
        {
            if let Some(previous) = previous {
                fewest = fewest.min(day.duration_since(previous).unsigned_abs().as_secs() / (24 * 60 * 60));
            }
            previous = Some(day);
            first = day.saturating_add(SignedDuration::from_hours(24));
        }
        fewest
    }

    /// The shortest gap of those that a change of the clock falls into or begins, over 28 years.
    fn shortest_at_a_change(&self) -> Duration {
        let (from, until) = SURVEYED;
        let utc = |year| Offset::UTC.to_timestamp(date(year, 1, 1).to_datetime(Time::midnight()));
        let (Ok(from), Ok(until)) = (utc(from), utc(until)) else { return Duration::MAX };
        let gaps =
            self.zone.following(from).take_while(|change| change.timestamp() < until).flat_map(|change| {
                let before = change.timestamp() - SECOND;
                let across = self.at_or_before(before).zip(self.after(before));
                let beyond = across.and_then(|(_, slot)| Some(slot).zip(self.after(slot)));
                across.into_iter().chain(beyond)
            });
        gaps.map(|(one, next)| next.duration_since(one).unsigned_abs()).min().unwrap_or(Duration::MAX)
    }
}

/// As it was written, and where: the parsed fields are thousands of bytes.
impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}", self.pattern.as_str(), self.zone.iana_name().unwrap_or("UTC"))
    }
}

/// In whole seconds, rounded down; none past the last moment.
fn to_jiff(at: Timestamp) -> Option<jiff::Timestamp> {
    let seconds = i64::try_from(at.as_secs()).ok()?;
    jiff::Timestamp::from_second(seconds).ok().filter(|at| *at <= LAST)
}

/// None before 1970.
fn from_jiff(at: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}
