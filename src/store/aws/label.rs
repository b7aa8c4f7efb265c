//! Our notes on AWS: staging labels on the version that they are about.
//!
//! `crossfade-<kind>-<unix seconds>-<id8>`, where `<id8>` are the first eight hex digits of the version's id,
//! so that a note can't be taken for one about another version. Times are rounded up to ten seconds, so that
//! replicas that write the same note write the same name.

use std::collections::BTreeSet;

use crate::{rotation::ring::VersionId, time::Timestamp};

/// AWS's own labels.
pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PENDING: &str = "AWSPENDING";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

const PREFIX: &str = "crossfade-";
const ROUNDED_TO_S: u64 = 10;

/// What a note says of its version.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Kind {
    /// Its deadline, once it is replaced or taken back. Of several the latest counts.
    Until,
    /// It is ended.
    Ended,
    /// It, and every version that was made before then, is ended.
    Compromised,
    /// The secret is on hold, whichever version bears it.
    Paused,
    /// No slot before then is due, while it is current.
    Kept,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Until, Self::Ended, Self::Compromised, Self::Paused, Self::Kept];

    const fn word(self) -> &'static str {
        match self {
            Self::Until => "until",
            Self::Ended => "ended",
            Self::Compromised => "compromised",
            Self::Paused => "paused",
            Self::Kept => "kept",
        }
    }

    /// The label that says so, and the time that it bears.
    pub(super) fn label(self, at: Timestamp, on: VersionId) -> (String, Timestamp) {
        let seconds = at.as_millis().div_ceil(1000).div_ceil(ROUNDED_TO_S).saturating_mul(ROUNDED_TO_S);
        let label = format!("{PREFIX}{}-{seconds}-{}", self.word(), id8(on));
        (label, Timestamp::from_millis(seconds.saturating_mul(1000)))
    }

    fn parse(label: &str, on: VersionId) -> Option<(Self, Timestamp)> {
        let mut parts = label.strip_prefix(PREFIX)?.split('-');
        let (word, seconds, id) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = Self::ALL.into_iter().find(|kind| kind.word() == word)?;
        let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        let whole = digits && id == id8(on) && parts.next().is_none();
        // A time that is never reached is as late as one that can be told.
        whole.then_some((kind, Timestamp::from_millis(seconds.parse::<u64>().ok()?.saturating_mul(1000))))
    }
}

fn id8(id: VersionId) -> String {
    id.to_string().chars().take(8).collect()
}

/// One write that puts a label in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cleanup {
    /// The note is written on the version.
    Attach(Kind, Timestamp),
    /// The label is taken off the version.
    Detach(String),
}

/// The labels of one version.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Labels(pub(super) BTreeSet<String>);

impl Labels {
    pub(super) fn bears(&self, label: &str) -> bool {
        self.0.contains(label)
    }

    /// Whether a label of AWS's own is on it.
    pub(super) fn is_staged(&self) -> bool {
        [CURRENT, PENDING, PREVIOUS].iter().any(|label| self.bears(label))
    }

    /// The notes of that kind, the earliest first.
    pub(super) fn notes(&self, kind: Kind, on: VersionId) -> Vec<(Timestamp, &str)> {
        let ours = self.0.iter().filter_map(|label| Some((Kind::parse(label, on)?, label.as_str())));
        let mut notes: Vec<_> = ours.filter(|((k, _), _)| *k == kind).map(|((_, at), l)| (at, l)).collect();
        notes.sort_unstable();
        notes
    }

    pub(super) fn earliest(&self, kind: Kind, on: VersionId) -> Option<Timestamp> {
        self.notes(kind, on).first().map(|(at, _)| *at)
    }

    pub(super) fn latest(&self, kind: Kind, on: VersionId) -> Option<Timestamp> {
        self.notes(kind, on).last().map(|(at, _)| *at)
    }

    /// How many labels are on it beside AWS's: notes of ours, and what people have put there.
    pub(super) fn taken(&self) -> usize {
        self.0.iter().filter(|label| ![CURRENT, PENDING, PREVIOUS].contains(&label.as_str())).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> VersionId {
        VersionId::derive("s", None, 0)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_note_s_time_is_rounded_up_to_ten_seconds() {
        for (ms, seconds) in [(0, 0), (1, 10), (10_000, 10), (10_001, 20)] {
            let (label, time) = Kind::Until.label(Timestamp::from_millis(ms), id());
            assert_eq!(time, at(seconds));
            assert_eq!(Kind::parse(&label, id()), Some((Kind::Until, time)));
        }
    }

    #[test]
    fn a_time_that_is_never_reached_is_read_as_it_was_written() {
        let never = Timestamp::from_millis(u64::MAX);
        let (label, time) = Kind::Until.label(never, id());
        assert_eq!((time, Kind::parse(&label, id())), (never, Some((Kind::Until, never))));
    }

    #[test]
    fn a_note_about_another_version_says_nothing() {
        let (label, _) = Kind::Ended.label(at(10), VersionId::derive("s", Some(id()), 0));
        assert_eq!(Kind::parse(&label, id()), None);
    }

    #[test]
    fn what_is_not_wholly_a_note_says_nothing() {
        let (label, _) = Kind::Paused.label(at(10), id());
        let id8 = id8(id());
        for odd in [
            format!("{label}-x"),
            label.replace("paused", "Paused"),
            label.replace("crossfade", "crossfades"),
            format!("crossfade-until--{id8}"),
            format!("crossfade-until-+10-{id8}"),
            format!("crossfade-until-99999999999999999999-{id8}"),
            format!("crossfade-until-10-{}", &id8[..7]),
            PENDING.to_owned(),
            String::new(),
        ] {
            assert_eq!(Kind::parse(&odd, id()), None, "{odd}");
        }
    }

    #[test]
    fn every_kind_fits_the_length_of_a_label() {
        for kind in Kind::ALL {
            let (label, _) = kind.label(Timestamp::from_millis(u64::MAX), id());
            assert!(label.len() <= 256, "{label}");
        }
    }
}
