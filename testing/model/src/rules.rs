//! The times of the model: one tick is ten seconds, to which the notes on AWS are rounded, and each bound is a few ticks.

use std::time::Duration;

use crossfade::{
    rotation::{
        policy::{Notes, Policy, StoreTraits, Terms},
        schedule::Schedule,
    },
    time::{Interval, Timestamp},
};

use crate::broken::Broken;

/// One step of time.
pub const TICK: Duration = Duration::from_secs(10);

/// A number of ticks, or a moment as the number of ticks since some beginning.
pub type Ticks = u32;

/// The moment at which a model begins, so that there is a time before.
pub const START: Ticks = 100;

/// 2027-01-15T08:00:00Z, less the start.
const EPOCH: u64 = 1_800_000_000_000 - 1_000_000;

/// Which store it is.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// What belongs together changes at once, and a read is never late.
    Embedded,
    /// Labels, one change a write; reads and writes can be late.
    Aws,
}

/// How long things take.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    /// Which store it is.
    pub kind: Kind,
    /// As in the config.
    pub grace: Ticks,
    /// As in the config.
    pub freshness: Ticks,
    /// As in the config.
    pub hold: Ticks,
    /// As in the config.
    pub accept_within: Ticks,
    /// A read shows each write that is as old as that.
    pub store_lag: Ticks,
    /// A write lands within that, once it was sent.
    pub write_lag: Ticks,
    /// From slot to slot.
    pub every: Ticks,
}

impl Rules {
    /// As of the embedded store.
    pub const EMBEDDED: Self = Self {
        kind: Kind::Embedded,
        grace: 6,
        freshness: 3,
        hold: 9,
        accept_within: 4,
        store_lag: 0,
        write_lag: 0,
        every: 60,
    };
    /// As of AWS, on a smaller scale.
    pub const AWS: Self = Self {
        kind: Kind::Aws,
        grace: 6,
        freshness: 3,
        hold: 9,
        accept_within: 4,
        store_lag: 2,
        write_lag: 4,
        every: 80,
    };

    /// How long a pending version has to stand, in truth.
    pub fn soak(&self) -> Ticks {
        self.freshness + self.store_lag
    }

    /// What the store is like, as the config says it.
    pub fn traits(&self) -> StoreTraits {
        let notes = match self.kind {
            Kind::Embedded => Notes::WithPromotion,
            Kind::Aws => Notes::BeforePromotion,
        };
        let (store_lag, write_lag) = (TICK * self.store_lag, TICK * self.write_lag);
        StoreTraits { store_lag, write_lag, notes, creates: false }
    }

    /// The real rules of a secret, as a replica has them.
    pub fn policy(&self, secret: &str, broken: Option<Broken>) -> Policy {
        // A tick less would go unnoticed where time goes by ticks: no bound is met between two of them.
        let freshness = if broken == Some(Broken::SoakBelowFreshness) { 1 } else { self.freshness };
        let every = Schedule::every(TICK * self.every).expect("a period within the bounds");
        let terms = Terms {
            secret: secret.into(),
            schedule: Some(every),
            jitter: Duration::ZERO,
            grace: TICK * self.grace,
            soak: None,
            freshness: TICK * freshness,
            hold: TICK * self.hold,
            sync: TICK * freshness / 3,
            store: self.traits(),
        };
        Policy::new(terms).expect("rules that hold together")
    }

    /// What a replica knows of the store's time at this tick.
    pub fn interval(&self, tick: Ticks) -> Interval {
        let now = at(tick);
        match self.kind {
            Kind::Embedded => Interval::exactly(now),
            // `Date` has whole seconds, cut off.
            Kind::Aws => Interval { earliest: now, latest: now + Duration::from_secs(1) },
        }
    }
}

/// The store's time at that tick.
pub(crate) fn at(tick: Ticks) -> Timestamp {
    Timestamp::from_millis(EPOCH) + TICK * tick
}
