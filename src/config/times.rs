//! How old a view of the store may be, and how often the store is read.

use std::time::Duration;

use super::{
    mistakes::Place,
    section::{At, Section},
    text,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) struct Times {
    pub(super) freshness: Duration,
    pub(super) hold: Duration,
    pub(super) accept_within: Duration,
    pub(super) sync: Duration,
    /// Freshness is no mistake: others may be compared with it.
    pub(super) compared: bool,
}

pub(super) fn parse(top: &Section<'_>) -> Times {
    let freshness = duration(top, "freshness", MINUTE);
    if !(SECOND..=HOUR).contains(&freshness.value) {
        let what = format!("`freshness` ({:?}) has to lie between 1s and 1h", freshness.value);
        top.reading.mistake(freshness.place, what);
        top.mistrust("freshness");
    }
    let compared = top.trusts(&["freshness"]);
    let freshness = freshness.value;
    let hold = duration(top, "hold", 24 * HOUR);
    if hold.value > 7 * 24 * HOUR || (compared && hold.value < freshness) {
        let held = hold.value;
        let what = format!("`hold` ({held:?}) has to lie between freshness ({freshness:?}) and 7 days");
        top.reading.mistake(hold.place, what);
    }
    let sync = duration(top, "sync", (freshness / 3).min(20 * SECOND));
    if sync.value.is_zero() || (compared && sync.value > freshness / 3) {
        let what = format!(
            "`sync` ({:?}) has to be at most a third of freshness ({freshness:?} / 3 = {:?}), and not zero",
            sync.value,
            freshness / 3
        );
        top.reading.mistake(sync.place, what);
        top.mistrust("sync");
    }
    let accept_within = duration(top, "accept_within", freshness + sync.value);
    let least = (sync.value + MINUTE.min(freshness / 2) + (10 * SECOND).min(freshness / 4)).max(SECOND);
    if compared && top.trusts(&["sync"]) && accept_within.value < least {
        // Below this, a server that follows the daemon would have to ask beside the request that it holds open.
        let what = format!(
            "`accept_within` ({:?}) has to be at least {least:?}: a server that follows the daemon has a view as old as that \
             (sync + half of freshness, for which a request is held, and a quarter for its way)",
            accept_within.value
        );
        top.reading.mistake(accept_within.place, what);
    }
    Times { freshness, hold: hold.value, accept_within: accept_within.value, sync: sync.value, compared }
}

fn duration(top: &Section<'_>, key: &'static str, default: Duration) -> At<Duration> {
    top.get(key, text::duration).unwrap_or(At { place: Place::default(), value: default })
}
