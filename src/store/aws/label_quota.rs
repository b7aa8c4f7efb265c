//! Twenty labels can stand on a secret, and marks stay for days: after many leaks the later ones stand for all.

use super::{
    label::{Kind, Labels},
    memory::{SecretMemory, State},
    options::Lags,
};
use crate::{
    rotation::ring::VersionId,
    time::{Interval, Timestamp},
};

/// With more labels than this beside AWS's, marks make room. An emergency adds labels however many there are, so that
/// this has to begin well before a rotation finds no room.
const CROWDED: usize = 8;

/// Where labels run short: the earliest mark that has become needless, because all that it ends a later `compromised` ends
/// too, one so old that no late read can miss it.
///
/// With its last label the version itself is forgotten. Where another one has its token and still matters, the mark
/// stays: it alone tells that this token is ended.
pub(super) fn covered(
    state: &State,
    memory: &SecretMemory,
    now: Interval,
    lags: Lags,
) -> Option<(VersionId, String)> {
    if state.labels.values().map(Labels::taken).sum::<usize>() <= CROWDED {
        return None;
    }
    let has_stood = |at: &Timestamp| *at + lags.store_lag * 2 < now.earliest;
    let last = marks(state, Kind::Compromised).map(|(at, ..)| at).filter(has_stood).max()?;
    let earlier = marks(state, Kind::Compromised).filter(|(at, ..)| *at < last);
    let was_made_before = |id| memory.known.get(&id).is_some_and(|known| known.created < last);
    let is_shared = |id| memory.twins(id).any(|(twin, _)| twin != id && !state.is_done(twin));
    let covered = earlier.chain(marks(state, Kind::Ended));
    let earliest = covered.filter(|(_, id, _)| was_made_before(*id) && !is_shared(*id)).min()?;
    Some((earliest.1, earliest.2.to_owned()))
}

fn marks(state: &State, kind: Kind) -> impl Iterator<Item = (Timestamp, VersionId, &str)> {
    let all = state.labels.iter().map(move |(id, labels)| (*id, labels.notes(kind, *id)));
    all.flat_map(|(id, notes)| notes.into_iter().map(move |(at, label)| (at, id, label)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossfade_verify::Digest;

    use super::*;
    use crate::store::aws::{label::PREVIOUS, memory::KnownValue};

    const LAGS: Lags = Lags {
        store_lag: Duration::from_secs(5),
        write_lag: Duration::from_secs(60),
        hold: Duration::from_secs(3600),
    };
    const EVERY_S: u64 = 100;

    fn id(n: u32) -> VersionId {
        VersionId::derive("s", None, n)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn mark(n: u32, kind: Kind, seconds: u64) -> String {
        kind.label(at(seconds), id(n)).0
    }

    /// So many versions, each made 100 s after the one before it, and marked 50 s later.
    fn leaks(count: u32) -> (State, SecretMemory) {
        let (mut state, mut memory) = (State::default(), SecretMemory::default());
        for n in 0..count {
            let made = u64::from(n) * EVERY_S;
            let mark = mark(n, Kind::Compromised, made + EVERY_S / 2);
            state.labels.insert(id(n), Labels([mark].into()));
            let digest = Digest::of(&n.to_le_bytes());
            memory.known.insert(id(n), KnownValue { created: at(made), token: Ok((digest, false)) });
        }
        (state, memory)
    }

    fn goes((state, memory): &(State, SecretMemory), seconds: u64) -> Option<(VersionId, String)> {
        covered(state, memory, Interval::exactly(at(seconds)), LAGS)
    }

    #[test]
    fn the_earliest_mark_makes_room_once_there_are_many() {
        assert_eq!(goes(&leaks(8), 10_000), None, "there is room");
        assert_eq!(goes(&leaks(9), 10_000), Some((id(0), mark(0, Kind::Compromised, 50))));
    }

    #[test]
    fn nothing_goes_before_a_late_read_would_show_what_covers_it() {
        let mut leaks = leaks(9);
        for n in 1..8 {
            leaks.0.labels.insert(id(n), Labels([format!("a-person-s-{n}")].into()));
        }
        assert_eq!(goes(&leaks, 860), None, "the last mark, of 850 s, has just been written");
        assert!(goes(&leaks, 861).is_some());
    }

    #[test]
    fn an_end_makes_room_where_a_later_leak_ended_it_too() {
        let mut leaks = leaks(9);
        leaks.0.labels.insert(id(0), Labels([mark(0, Kind::Ended, 20)].into()));
        assert_eq!(goes(&leaks, 10_000), Some((id(0), mark(0, Kind::Ended, 20))));
    }

    #[test]
    fn an_end_of_what_was_made_after_the_last_leak_stays() {
        let (mut state, memory) = leaks(12);
        for n in 0..12 {
            let label = if n == 0 { mark(0, Kind::Compromised, 50) } else { mark(n, Kind::Ended, 2_000) };
            state.labels.insert(id(n), Labels([label].into()));
        }
        assert_eq!(goes(&(state, memory), 10_000), None);
    }

    #[test]
    fn a_mark_stays_where_it_is_not_known_when_its_version_was_made() {
        let mut leaks = leaks(9);
        leaks.1.known.remove(&id(0));
        assert_eq!(goes(&leaks, 10_000), Some((id(1), mark(1, Kind::Compromised, 150))));
    }

    #[test]
    fn a_mark_stays_while_another_version_that_matters_has_its_token() {
        let mut leaks = leaks(9);
        let token = leaks.1.known[&id(0)].token;
        leaks.1.known.insert(id(99), KnownValue { created: at(5_000), token });
        leaks.0.labels.insert(id(99), Labels([PREVIOUS.to_owned()].into()));
        assert_eq!(goes(&leaks, 10_000), Some((id(1), mark(1, Kind::Compromised, 150))));
    }
}
