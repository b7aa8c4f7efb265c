//! One turn of a replica, by the real engine's [`Rotator`]: read, publish, decide, at most one write.
//!
//! What is modelled here is the loop around it (`Engine` and `Rotator::carry_out`): which order stands, and when a
//! person is told that it does.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use crossfade::{
    clock::Clock,
    engine::{Observer, Rotator, Seen},
    rotation::{
        plan::{self, Decided, Demand, Next, Step},
        ring::{Ring, VersionId},
    },
    store::{
        ReadError, Reading, Secret, Versions, WriteError,
        aws::{Aws, Handle, Options},
    },
};
use crossfade_testing_store::Recorder;
use crossfade_verify::Moment;

use crate::{
    broken::Broken,
    memo::{Memo, remembered},
    rules::{Rules, TICK, Ticks, at},
    state::{LastRead, Order, Part},
    store::{AwsCalls, AwsState, EmbeddedState, Fault, NAMES, Store, Table, TableHandle, Write},
};

/// For so long an order is tried that makes no headway: 20 s.
const PATIENCE: Ticks = 2;

/// What a turn needs to know beside the replica's own state.
#[derive(Copy, Clone, Hash, Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) broken: Option<Broken>,
    pub(crate) secret: usize,
    pub(crate) tick: Ticks,
    /// By how much the replica's clocks are off.
    pub(crate) skew: Ticks,
    pub(crate) fault: Option<Fault>,
    /// A late read: the state that it shows, among those that were replaced a while ago.
    pub(crate) shows: Option<usize>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) store: Store,
    pub(crate) part: Part,
    pub(crate) late: Option<Write>,
    /// The step that was tried, whatever came of it.
    pub(crate) step: Option<Step>,
    /// The order that a person was told of now.
    pub(crate) told: Option<Order>,
}

/// A machine's clocks at that tick.
pub(crate) fn moment(tick: Ticks, skew: Ticks) -> Moment {
    let ms = 1_000_000_000 + u64::from(tick + skew) * 10_000;
    Moment { boot_ms: ms, wall_ms: ms }
}

/// The real code waits for nothing here.
fn now<T>(work: impl Future<Output = T>) -> T {
    let work = std::pin::pin!(work);
    match work.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a model's store answers at once"),
    }
}

/// The store of a turn.
enum TurnStore {
    Embedded(Arc<Table>),
    Aws(Arc<AwsCalls>, Lent),
}

/// The handle that the turn's rotator has, of which the replica keeps what it remembers.
#[derive(Clone)]
struct Lent(Arc<Mutex<Handle>>);

impl Lent {
    fn lock(&self) -> MutexGuard<'_, Handle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Versions for Lent {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        now(self.lock().read())
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        now(self.lock().apply(decided))
    }
}

thread_local! {
    static DONE: Memo<Done> = Memo::default();
}

impl Turn<'_> {
    /// Takes it, or remembers what came of it when it was taken before.
    pub(crate) fn take(&self, store: &Store, part: &Part) -> Done {
        remembered(&DONE, (self, store, part), || self.play(store, part))
    }

    fn play(&self, store: &Store, part: &Part) -> Done {
        let policy = self.rules.policy(NAMES[self.secret], self.broken);
        let secret = Secret { grace: TICK * self.rules.grace, ..Secret::new(NAMES[self.secret], "mcp") };
        let mut part = part.clone();
        if self.broken == Some(Broken::MarkForgotten) {
            (part.marks, part.memory) = (Arc::default(), Arc::default());
        }
        let turn_store = self.turn_store(store, &part, &secret);
        let versions: Box<dyn Versions> = match &turn_store {
            TurnStore::Embedded(table) => Box::new(TableHandle(Arc::clone(table))),
            TurnStore::Aws(_, handle) => Box::new(handle.clone()),
        };
        let published = Arc::new(Recorder::default());
        let observer: Arc<dyn Observer> = Arc::<Recorder>::clone(&published);
        let mut rotator =
            Rotator::new(secret, versions, self.machine(), observer).remembering((*part.marks).clone());
        let (mut step, mut told) = (None, None);
        if self.fault != Some(Fault::Unread) {
            part.heard = self.tick;
        }
        if let (Some((version, deadline)), TurnStore::Embedded(table)) = (part.owes.take(), &turn_store) {
            table.write_deadline(version, deadline);
            part.wrote = Some(self.tick);
        } else if let Some(seen) = now(rotator.observe(&policy)).ok().filter(|seen| self.counts(seen)) {
            part.learnt = Arc::new(part.learnt.iter().chain(rotator.marks().keys()).copied().collect());
            part.known = self.known(&published, &part);
            told = self.attend(&mut part, &seen);
            let demand = part.order.as_ref().and_then(|order| order.bound).map(|bound| bound.demand);
            let decided = rotator.decide(&seen, &policy, demand.as_ref());
            if let Next::Do(wanted) = self.bend(decided, &seen, demand.as_ref()) {
                step = Some(wanted.step);
                self.act(&mut rotator, &seen, wanted, &mut part, &policy);
            } else {
                part.done = true;
            }
        } else {
            part.done = true;
        }
        let mut marks = rotator.marks().clone();
        part.learnt = Arc::new(part.learnt.iter().chain(marks.keys()).copied().collect());
        if let (Some(Broken::OrderInMemory), Some(Step::EndAll { .. }), Some(known)) =
            (self.broken, step, &part.known)
        {
            let all =
                known.ring.iter().flat_map(|ring| ring.versions()).map(|v| (v.digest, known.now.latest));
            marks.extend(all);
        }
        part.marks = Arc::new(marks);
        let (store, late) = match turn_store {
            TurnStore::Embedded(table) => (Store::Embedded(table.left()), None),
            TurnStore::Aws(calls, handle) => {
                part.memory = Arc::new(handle.lock().memory().clone());
                let (left, late) = calls.left();
                (Store::Aws(left), late)
            }
        };
        Done { store, part, late, step, told }
    }

    /// Whether a read shows anything: where the rule is broken, not without every value.
    fn counts(&self, seen: &Seen) -> bool {
        self.broken != Some(Broken::ValueHidesLabels)
            || !seen.ring.as_ref().is_some_and(|ring| ring.findings.unread)
    }

    fn machine(&self) -> Arc<dyn Clock> {
        Arc::new(moment(self.tick, self.skew))
    }

    fn turn_store(&self, store: &Store, part: &Part, secret: &Secret) -> TurnStore {
        match store {
            Store::Embedded(state) => TurnStore::Embedded(Arc::new(self.table(state))),
            Store::Aws(state) => {
                let calls = Arc::new(self.calls(state, part));
                let options = Options {
                    traits: self.rules.traits(),
                    hold: TICK * self.rules.hold,
                    ..Options::default()
                };
                let aws = Aws::asking(Arc::<AwsCalls>::clone(&calls), options, self.machine());
                let handle = aws.handle(secret.clone(), (*part.memory).clone());
                TurnStore::Aws(calls, Lent(Arc::new(Mutex::new(handle))))
            }
        }
    }

    fn table(&self, state: &EmbeddedState) -> Table {
        Table {
            secret: self.secret,
            now: self.rules.interval(self.tick),
            fault: self.fault,
            without_deadlines: self.broken == Some(Broken::DeadlineAfterTheMove),
            state: Mutex::new(state.clone()),
        }
    }

    fn calls(&self, state: &AwsState, part: &Part) -> AwsCalls {
        let shown = self.shows.map_or(&state.now, |n| &state.older[n].1);
        let created = self.store_slot(state);
        let local = self.broken == Some(Broken::LocalClock);
        AwsCalls {
            secret: self.secret,
            shown: (**shown).clone(),
            now: self.rules.interval(if local { self.tick + self.skew } else { self.tick }),
            time: at(self.tick),
            tick: self.tick,
            fault: self.fault,
            dark: part.dark_until > self.tick,
            broken: self.broken,
            slot: created,
            state: Mutex::new((state.clone(), None)),
        }
    }

    fn store_slot(&self, state: &AwsState) -> u32 {
        let secret = state.secret(self.secret);
        let current = secret.labels().get("AWSCURRENT");
        let made = secret.versions().iter().find(|v| Some(&v.id) == current).map_or(0, |v| v.created_ms);
        let age = at(self.tick).as_millis().saturating_sub(made) / 10_000;
        u32::try_from(age).unwrap_or_default() / self.rules.every
    }

    /// What is published now. The turn's rotator has just been made, and knows of no read before.
    fn known(&self, published: &Recorder, part: &Part) -> Option<Arc<LastRead>> {
        let seen = Arc::unwrap_or_clone(published.last()?);
        let (at, now) = seen.read?;
        let current = seen.ring.as_ref().map(|ring| ring.current.digest);
        let ended = part.learnt.iter().copied().filter(|digest| Some(*digest) != current).collect();
        let before = part.known.as_ref().map(|known| (known.whole, known.read));
        let (whole, read) = match seen.whole {
            Some(_) => (seen.whole, self.tick),
            None => before.unwrap_or_default(),
        };
        Some(Arc::new(LastRead { ring: seen.ring, at, now, whole, read, ended }))
    }

    /// What the engine makes of the order that it has: whether it can be carried out, stands, and is to be remembered.
    fn attend(&self, part: &mut Part, seen: &Seen) -> Option<Order> {
        let (ring, order) = (seen.ring.as_ref()?, part.order.clone()?);
        // A person who gets no answer is told that nobody knows.
        if !order.told && self.tick > order.since + PATIENCE + self.rules.store_lag {
            part.order = None;
            return None;
        }
        let bound = order.bound.or_else(|| order.request.bind(ring, seen.now).ok());
        let bound = bound.filter(|bound| order.told || bound.overtaken(ring).is_none());
        let Some(bound) = bound else {
            part.order = None;
            return None;
        };
        let stands = (plan::settled(ring, &bound.demand) && self.is_shown(&order, &bound.demand))
            || self.is_taken_for_standing(ring, &bound.demand);
        let order = Order { bound: Some(bound), ..order };
        part.order = Some(Order { told: order.told || stands, ..order.clone() });
        if stands && plan::finished(ring, &bound.demand) {
            part.order = None;
        }
        (stands && !order.told).then_some(order)
    }

    /// Whether a read shows that nothing is left of it, as the engine's course has it: one that is late need not show all
    /// that stood when the order came.
    fn is_shown(&self, order: &Order, demand: &Demand) -> bool {
        let ends_all = matches!(demand, Demand::Compromised { .. } | Demand::RevokeAll { .. });
        let in_time = self.tick >= order.since + self.rules.store_lag;
        !ends_all || order.marked || in_time || self.broken == Some(Broken::LateReadShowsAll)
    }

    /// A broken one: what is to be marked is gone from sight.
    fn is_taken_for_standing(&self, ring: &Ring, demand: &Demand) -> bool {
        let gone = |version: VersionId| ring.version(version).is_none();
        self.broken == Some(Broken::EndWrittenLast)
            && matches!(demand, Demand::Revoke { version } if gone(*version))
    }

    /// What a broken replica makes of the decision.
    fn bend(&self, next: Next, seen: &Seen, demand: Option<&Demand>) -> Next {
        let (Next::Do(Decided { step, why }), Some(ring)) = (next, &seen.ring) else { return next };
        let pending = ring.pending.map(|pending| pending.id);
        let grace = TICK * self.rules.grace;
        let bent = match (self.broken, step) {
            (Some(Broken::EndWrittenLast), Step::End { version }) if pending == Some(version) => {
                Step::Drop { pending: version }
            }
            (Some(Broken::DropWithoutNote), Step::Note { version, .. })
                if pending == Some(version) && matches!(demand, Some(Demand::Abort { .. })) =>
            {
                Step::Drop { pending: version }
            }
            (Some(Broken::ShortNote), Step::Note { version, .. }) if version == ring.current.id => {
                let lasts = ring.current.note.is_some_and(|note| note > seen.now.latest);
                match pending.filter(|_| lasts) {
                    Some(pending) => Step::Promote { pending, current: version, accepted_for: grace },
                    None => Step::Note { version, until: seen.now.latest + grace },
                }
            }
            (Some(Broken::ShortNote), Step::Promote { pending, current, accepted_for }) => {
                Step::Promote { pending, current, accepted_for: accepted_for.min(grace / 2) }
            }
            (_, step) => step,
        };
        Next::Do(bent.because(why))
    }

    fn act(
        &self,
        rotator: &mut Rotator,
        seen: &Seen,
        decided: Decided,
        part: &mut Part,
        policy: &crossfade::rotation::policy::Policy,
    ) {
        let step = decided.step;
        if self.broken == Some(Broken::OrderInMemory) && matches!(step, Step::EndAll { .. }) {
            return;
        }
        match now(rotator.act(seen, decided, policy)) {
            Ok(()) => {
                part.wrote = Some(self.tick);
                if let (Some(order), Step::EndAll { .. }) = (&mut part.order, step) {
                    order.marked = true;
                }
            }
            // It waits before it tries again.
            Err(_) => part.done = true,
        }
        if let (Some(Broken::DeadlineAfterTheMove), Step::Promote { current, accepted_for, .. }) =
            (self.broken, step)
        {
            part.owes = Some((current, seen.now.latest + accepted_for));
        }
    }
}
