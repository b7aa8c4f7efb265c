//! A secret on a store in memory, a daemon that rotates it, bots that read it and a verifier: all on
//! one virtual clock, with the promise checked after every event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crossfade::{
    clock::Clock,
    distribution::{Bounds, Decision, Distribution, Member},
    engine::{OrderFailure, Rotator},
    rotation::{
        plan::{self, Demand, Next, Refusal, Request},
        policy::{Notes, Policy, StoreTraits, Terms},
        ring::{Ring, VersionId},
        schedule::Schedule,
    },
    store::{Secret, Store},
    time::Timestamp,
};
use crossfade_testing_store::{Following, Memory, Recorder};
use crossfade_verify::Reason;

pub(crate) const GRACE: Duration = Duration::from_secs(40);
pub(crate) const FRESHNESS: Duration = Duration::from_secs(9);
pub(crate) const SYNC: Duration = Duration::from_secs(3);
pub(crate) const SOAK: Duration = Duration::from_secs(10);
pub(crate) const EVERY: Duration = Duration::from_secs(100);
const AUDIENCE: &str = "https://mcp.example.com/slack";

pub(crate) fn policy(notes: Notes) -> Policy {
    let store = StoreTraits { store_lag: Duration::ZERO, write_lag: Duration::ZERO, notes, creates: true };
    Policy::new(Terms {
        secret: "s".into(),
        schedule: Some(Schedule::every(EVERY).expect("a period")),
        jitter: Duration::ZERO,
        grace: GRACE,
        soak: Some(SOAK),
        freshness: FRESHNESS,
        hold: Duration::from_secs(3600),
        sync: SYNC,
        store,
    })
    .expect("a sound policy")
}

/// What is known of a version from outside, whatever the code under test believes.
#[derive(Default, Debug)]
struct Fate {
    /// While it was current, a bot read it; this is when that was last possible.
    last_read: Option<Timestamp>,
    deadline: Option<Timestamp>,
    ended: Option<Timestamp>,
    was_current: bool,
    replaced: Option<Timestamp>,
}

pub(crate) struct World {
    pub(crate) memory: Arc<Memory>,
    pub(crate) policy: Policy,
    distribution: Arc<Distribution>,
    rotator: Rotator,
    standing: Option<Demand>,
    fates: BTreeMap<VersionId, Fate>,
    /// Since when a version stood that was made current without a soak.
    hasty: BTreeSet<VersionId>,
    last_good_read: Timestamp,
}

impl World {
    pub(crate) fn new(notes: Notes) -> Self {
        let memory = Arc::new(Memory::new(notes, Timestamp::from_millis(1_000_000)));
        let member = Member {
            secret: "s".into(),
            client_id: "bot".into(),
            audience: AUDIENCE.into(),
            scopes: Arc::new([]),
            grace: GRACE,
        };
        let bounds =
            Bounds { freshness: FRESHNESS, hold: Duration::from_secs(3600), accept_within: FRESHNESS };
        let distribution = Arc::new(Distribution::new(clock(&memory), bounds, vec![member]));
        let rotator = daemon(&memory, &distribution);
        let last_good_read = memory.now();
        Self {
            memory,
            policy: policy(notes),
            distribution,
            rotator,
            standing: None,
            fates: BTreeMap::new(),
            hasty: BTreeSet::new(),
            last_good_read,
        }
    }

    pub(crate) fn ring(&self) -> Ring {
        self.memory.ring("s").expect("the secret exists")
    }

    /// The daemon dies, with all that it remembered, and is started again.
    pub(crate) fn crash(&mut self) {
        self.standing = None;
        self.rotator = daemon(&self.memory, &self.distribution);
    }

    /// One turn of the daemon. Whether there was something to do.
    pub(crate) async fn turn(&mut self) -> bool {
        let seen = self.rotator.observe(&self.policy).await;
        self.check("after a read");
        let Ok(seen) = seen else { return false };
        self.last_good_read = self.memory.now();
        if let (Some(ring), Some(demand)) = (&seen.ring, self.standing) {
            self.standing = (!plan::finished(ring, &demand)).then_some(demand);
        }
        match self.rotator.decide(&seen, &self.policy, self.standing.as_ref()) {
            Next::Idle { .. } => false,
            Next::Do(decided) => {
                let _ = self.rotator.act(&seen, decided, &self.policy).await;
                self.check("after a step");
                true
            }
        }
    }

    /// Turns until there is nothing to do, then the clock runs on; for that long.
    pub(crate) async fn run(&mut self, duration: Duration) {
        let end = self.memory.now() + duration;
        while self.memory.now() < end {
            for _ in 0..8 {
                if !self.turn().await {
                    break;
                }
            }
            // Second by second, so that no boundary is jumped over.
            for _ in 0..SYNC.as_secs() {
                self.memory.set_now(self.memory.now() + Duration::from_secs(1));
                self.check("a second later");
            }
        }
    }

    /// Runs until the condition holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Ring) -> bool) {
        for _ in 0..500 {
            self.turn().await;
            if self.memory.ring("s").is_some_and(|ring| holds(&ring)) {
                return;
            }
            self.memory.set_now(self.memory.now() + Duration::from_secs(1));
            self.check("a second later");
        }
        panic!("never came: {what}; {:?}", self.ring());
    }

    /// A person's order, repeated until it is known to stand or to be refused, as we tell them to.
    pub(crate) async fn order(&mut self, request: Request) -> Result<(), Refusal> {
        for _ in 0..20 {
            let outcome = self.rotator.carry_out(&self.policy, request).await;
            self.check("after an order");
            match outcome {
                Ok(done) => {
                    self.last_good_read = self.memory.now();
                    let finished = done.seen.ring.is_some_and(|ring| plan::finished(&ring, &done.demand));
                    self.standing = (!finished).then_some(done.demand);
                    return Ok(());
                }
                Err(OrderFailure::Refused(refusal)) => return Err(refusal),
                Err(OrderFailure::Failed(_) | OrderFailure::Unknown(_)) => {}
            }
        }
        panic!("{request} never stood");
    }

    pub(crate) fn verdict(&self, version: VersionId) -> Decision {
        // The store in memory makes a version's token of its id.
        self.distribution.decide(&[AUDIENCE.into()], version.to_string().as_bytes())
    }

    /// The promise, on everything that ever existed.
    pub(crate) fn check(&mut self, when: &str) {
        let now = self.memory.now();
        let Some(ring) = self.memory.ring("s") else { return };
        self.note_fates(&ring, now);
        for (id, fate) in &self.fates {
            let verdict = self.verdict(*id);
            let refused = matches!(verdict, Decision::Refused(Reason::Unknown | Reason::Expired));
            let accepted = matches!(verdict, Decision::Accepted(_));
            if let (Some(read), None, false) = (fate.last_read, fate.ended, self.hasty.contains(id)) {
                let rightful = now <= read + GRACE - FRESHNESS;
                assert!(
                    !(rightful && refused),
                    "{when}: a rightful token was refused: {id} {fate:?} {ring:?}"
                );
            }
            if let (Some(deadline), None) = (fate.deadline, fate.ended) {
                assert!(!(now >= deadline && accepted), "{when}: accepted past its deadline: {id} {fate:?}");
            }
            if let Some(ended) = fate.ended.filter(|_| ring.current.id != *id) {
                // From the first look after it; what was current stays accepted until it is replaced.
                let published = self.last_good_read > fate.replaced.unwrap_or(ended).max(ended);
                assert!(!(published && accepted), "{when}: an ended token was accepted: {id} {fate:?}");
            }
        }
    }

    fn note_fates(&mut self, ring: &Ring, now: Timestamp) {
        for version in ring.versions() {
            let fate = self.fates.entry(version.id).or_default();
            fate.ended = fate.ended.or(version.ended.map(|_| now));
            assert_eq!(fate.ended.is_some(), version.ended.is_some(), "an end was forgotten");
        }
        let current = self.fates.entry(ring.current.id).or_default();
        assert!(current.replaced.is_none(), "a version became current twice");
        if !current.was_current && matches!(self.standing, Some(Demand::RevokeAll { .. })) {
            self.hasty.insert(ring.current.id);
        }
        current.was_current = true;
        current.last_read = Some(now);
        for (id, fate) in &mut self.fates {
            if fate.was_current && *id != ring.current.id {
                fate.replaced.get_or_insert(now);
            }
        }
        for previous in &ring.previous {
            let fate = self.fates.entry(previous.version.id).or_default();
            let earlier = fate.deadline.is_some_and(|known| previous.deadline < known);
            assert!(!earlier, "a deadline moved earlier: {previous:?} {fate:?}");
            if let (Some(read), None) = (fate.last_read, fate.ended) {
                assert!(previous.deadline >= read + GRACE, "less than the grace: {previous:?} {fate:?}");
            }
            fate.deadline = Some(previous.deadline);
        }
    }
}

/// The machine's clocks follow the store's.
fn clock(memory: &Arc<Memory>) -> Arc<dyn Clock> {
    let (look, memory) = (Arc::clone(memory), Arc::clone(memory));
    Arc::new(Following(move || look.now().as_millis(), move |time| memory.set_now(memory.now() + time)))
}

fn daemon(memory: &Arc<Memory>, distribution: &Arc<Distribution>) -> Rotator {
    let recorder = Arc::new(Recorder::publishing(Arc::clone(distribution)));
    let secret = Secret::new("s", "mcp");
    Rotator::new(secret.clone(), memory.secret(secret), clock(memory), recorder)
}
