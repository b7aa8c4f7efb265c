//! What a seed draws: how many machines, how fast everything goes, and which rule is left out, if one is.

use std::time::Duration;

use crossfade::{
    rotation::{
        policy::{Notes, Policy, StoreTraits, Terms},
        schedule::Schedule,
    },
    store::Secret,
};

use crate::dice::Dice;

pub(crate) const AUDIENCE: &str = "https://mcp.example.com/slack";

/// A rule that is left out, to see that it is missed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Servers say no where they don't know.
    RefusesWhileStale,
    /// What is pending is promoted as soon as it stands.
    NoSoak,
    /// Replicas forget the deadlines that stand in the store.
    NoteIsForgotten,
    /// A server's clocks stop while it is suspended.
    ClocksStop,
    /// Replicas forget the ends that stand in the store.
    EndIsForgotten,
    /// An order is about what the replica that takes it saw last.
    BoundToTheLastView,
    /// To replicas a read in which a value was missing shows nothing.
    ValueHidesLabels,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) replicas: u64,
    pub(crate) servers: u64,
    pub(crate) secrets: u64,
    /// For each secret.
    pub(crate) bots: u64,
    pub(crate) freshness: Duration,
    pub(crate) hold: Duration,
    pub(crate) sync: Duration,
    pub(crate) store_lag: Duration,
    pub(crate) write_lag: Duration,
    pub(crate) grace: Duration,
    pub(crate) every: Duration,
    /// How long there are troubles.
    pub(crate) troubled: Duration,
    pub(crate) broken: Option<Broken>,
    /// All the while the store takes no write, and reads go well: nothing else goes wrong.
    pub(crate) full_disk: bool,
}

impl Scenario {
    pub(crate) fn drawn(seed: u64, broken: Option<Broken>) -> Self {
        let dice = Dice::new(seed, "scenario");
        let freshness = dice.seconds(9..=15);
        let store_lag = dice.seconds(1..=4);
        let soak = freshness + store_lag;
        Self {
            seed,
            replicas: dice.of(2..=3),
            servers: dice.of(2..=4),
            secrets: if dice.one_in(4) { 2 } else { 1 },
            bots: dice.of(2..=3),
            freshness,
            hold: dice.seconds(60..=200),
            sync: freshness / 3,
            store_lag,
            write_lag: dice.seconds(10..=20),
            grace: dice.seconds(25..=60),
            every: soak + dice.seconds(5..=40),
            troubled: dice.seconds(120..=200),
            broken,
            full_disk: false,
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.secrets).map(|n| format!("mcp/secret-{n}")).collect()
    }

    pub(crate) fn secret(&self, name: &str) -> Secret {
        Secret { grace: self.grace, ..Secret::new(name, "mcp") }
    }

    /// One daemon, on a store that nobody else writes, in which deciding and writing is one transaction.
    pub(crate) fn single(seed: u64) -> Self {
        let drawn = Self::drawn(seed, None);
        Self { replicas: 1, store_lag: Duration::ZERO, write_lag: Duration::ZERO, ..drawn }
    }

    /// The same, and its disk is full.
    pub(crate) fn on_a_full_disk(seed: u64) -> Self {
        Self { full_disk: true, ..Self::single(seed) }
    }

    pub(crate) fn is_single(&self) -> bool {
        self.replicas == 1
    }

    /// How long a bot may use what it has read.
    pub(crate) fn run(&self) -> Duration {
        self.grace.saturating_sub(self.store_lag + self.freshness)
    }

    pub(crate) fn traits(&self) -> StoreTraits {
        let Self { store_lag, write_lag, .. } = *self;
        let (notes, creates) = match self.is_single() {
            true => (Notes::WithPromotion, true),
            false => (Notes::BeforePromotion, false),
        };
        StoreTraits { store_lag, write_lag, notes, creates }
    }

    /// With the schedule, or by hand only.
    pub(crate) fn policy(&self, name: &str, scheduled: bool) -> Policy {
        // Without a soak, as far as the daemon knows no view is ever old and no read late.
        let hasty = self.broken == Some(Broken::NoSoak);
        let moment = Duration::from_millis(10);
        let store_lag = if hasty { moment } else { self.store_lag };
        Policy::new(Terms {
            secret: name.into(),
            schedule: scheduled.then(|| Schedule::every(self.every).expect("a period")),
            jitter: Duration::ZERO,
            grace: self.grace,
            soak: None,
            freshness: if hasty { 3 * moment } else { self.freshness },
            hold: self.hold,
            sync: if hasty { moment } else { self.sync },
            store: StoreTraits { store_lag, ..self.traits() },
        })
        .expect("a sound policy")
    }
}
