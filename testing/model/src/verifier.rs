//! A verifier: it takes views in by the real rules of the feed, and decides by the real verdict.
//!
//! The view is made by the daemon's own distribution, and its place in time is read from the header that the feed
//! sends. What is left out is HTTP: an answer takes no time, and is whole or does not come.

use std::sync::Arc;

use crossfade::{
    distribution::{Bounds, Distribution, Member},
    rotation::ring::{Findings, Ring},
};
use crossfade_verify::{
    Moment, Verdict, View, decide,
    timing::{Exchange, PlaceInTime},
};

use crate::{
    broken::Broken,
    memo::{Memo, remembered},
    rules::{Rules, TICK, Ticks},
    state::{HeldView, LastRead, Replica, Verifier},
    store::NAMES,
    turn,
};

const AUDIENCE: &str = "https://mcp.example.com";

/// The verifier's own clocks: one of them may have stopped.
fn moment(verifier: &Verifier, tick: Ticks) -> Moment {
    let at = turn::moment(tick, 0);
    Moment { boot_ms: at.boot_ms - u64::from(verifier.stopped) * 10_000, ..at }
}

/// What a daemon sends.
fn publication(replica: &Replica, rules: &Rules, broken: Option<Broken>, at: Moment) -> Option<View> {
    let member = |n: usize| Member {
        secret: NAMES[n].into(),
        client_id: NAMES[n].into(),
        audience: AUDIENCE.into(),
        scopes: Arc::new([]),
        grace: TICK * rules.grace,
    };
    let members: Vec<_> = (0..replica.parts.len()).map(member).collect();
    let bounds = Bounds {
        freshness: TICK * rules.freshness,
        hold: TICK * rules.hold,
        accept_within: TICK * rules.accept_within,
    };
    let distribution = Distribution::new(Arc::new(at), bounds, members);
    let known: Vec<_> = replica.parts.iter().map(|part| part.known.as_deref()).collect();
    let youngest = known.iter().flatten().max_by_key(|known| known.at.boot_ms);
    for (name, known) in NAMES.iter().zip(&known) {
        let Some(LastRead { ring, at, now, whole, .. }) = known else { continue };
        let (at, now) = match youngest.filter(|_| broken == Some(Broken::YoungestPart)) {
            Some(youngest) => (youngest.at, youngest.now),
            None => (*at, *now),
        };
        let unread = ring.as_ref().filter(|ring| ring.findings.unread);
        let as_whole = unread.map(|ring| {
            let findings = Findings { unread: false, ..ring.findings };
            Arc::new(Ring { findings, ..Ring::clone(ring) })
        });
        match (as_whole, whole) {
            (Some(ring), _) if broken == Some(Broken::PartCountsAsWhole) => {
                distribution.publish(name, Some(&ring), at, now);
                continue;
            }
            (Some(ring), Some((at, now))) => distribution.publish(name, Some(&ring), *at, *now),
            _ => {}
        }
        distribution.publish(name, ring.as_ref(), at, now);
    }
    let published = distribution.published(AUDIENCE)?;
    published.view.complete.then(|| published.view.clone())
}

thread_local! {
    static PUBLISHED: Memo<Option<View>> = Memo::default();
}

impl Verifier {
    pub(crate) fn is_awake(&self, tick: Ticks) -> bool {
        self.asleep_until <= tick
    }

    /// Asks that replica for its view.
    pub(crate) fn fetch(
        &mut self,
        replica: &Replica,
        skew: Ticks,
        tick: Ticks,
        rules: &Rules,
        broken: Option<Broken>,
    ) {
        self.done = true;
        let there = turn::moment(tick, skew);
        let known = || replica.parts.iter().map(|part| &part.known).collect::<Vec<_>>();
        let view = remembered(&PUBLISHED, (known(), rules, broken, there), || {
            publication(replica, rules, broken, there)
        });
        let Some(view) = view else { return };
        let header = format!("now={}, age={}, held=0, nonce=n", view.now_ms(there), view.age_ms(there));
        let here = moment(self, tick);
        let exchange = Exchange { nonce: "n", sent: here, received: here };
        let applied =
            self.held.as_ref().map(|held| PlaceInTime { now_ms: held.view.now_ms, age_ms: held.view.age_ms });
        let applied = applied.filter(|_| broken != Some(Broken::TakesAnOlderView));
        let Ok(place) = PlaceInTime::of_answer([header.as_bytes()], &exchange, applied) else { return };
        let PlaceInTime { now_ms, age_ms } = place;
        let parts = || replica.parts.iter().filter_map(|part| part.known.as_deref());
        let ended = parts().flat_map(|known| known.ended.iter().copied()).collect();
        let read = parts().map(|known| known.read).min().unwrap_or_default();
        for (newest, part) in self.newest.iter_mut().zip(&replica.parts) {
            *newest = part.heard.max(*newest);
        }
        let view = View { set: view.set, now_ms, age_ms, taken: here, complete: true };
        self.held = Some(Arc::new(HeldView { view, read, ended }));
    }

    /// Whether its view is too old to accept by at once.
    pub(crate) fn is_old(&self, tick: Ticks) -> bool {
        self.held.as_ref().is_some_and(|held| !held.view.is_young(moment(self, tick)))
    }

    /// Decides on a token.
    pub(crate) fn verdict(&self, token: &str, tick: Ticks, broken: Option<Broken>) -> Sort {
        let mut at = moment(self, tick);
        let mut view = self.held.as_ref().map(|held| held.view.clone());
        match (broken, &mut view) {
            (Some(Broken::RefusesWhileStale), Some(view)) => {
                (view.now_ms, view.age_ms, view.taken) = (view.now_ms(at), 0, at);
            }
            (Some(Broken::ClockStops), Some(view)) => {
                view.taken.wall_ms = view.taken.boot_ms;
                at.wall_ms = at.boot_ms;
            }
            _ => {}
        }
        match decide(view.as_ref(), token.as_bytes(), at) {
            Verdict::Accepted(_) => Sort::Accepted,
            Verdict::Refused(_) => Sort::Refused,
            Verdict::Unsure => Sort::Unsure,
        }
    }
}

/// A verdict, without what it is about.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    Accepted,
    Refused,
    Unsure,
}
