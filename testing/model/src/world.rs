//! What is explored, and what becomes of each event.

use std::sync::Arc;

use crossfade::rotation::{plan::Request, ring::VersionId};

use crate::{
    broken::Broken,
    event::{Edit, Event, OrderKind, Trouble},
    rules::{Kind, Rules, START, Ticks, at},
    state::{Fate, Fates, Left, Order, Part, Replica, State, Verifier},
    store::{AwsState, EmbeddedState, Fault, Store, Write},
    turn::Turn,
};

/// What is explored.
#[derive(Clone, Debug)]
pub struct World {
    /// How long things take.
    pub rules: Rules,
    /// The rule that does not hold.
    pub broken: Option<Broken>,
    /// How many secrets the one audience has: one or two.
    pub secrets: usize,
    /// How far the clocks of each replica are ahead.
    pub skews: Vec<Ticks>,
    /// How many verifiers there are. Each asks one replica, and another when it strays.
    pub verifiers: usize,
    /// A version was replaced shortly before, and has so many ticks left.
    pub overlap: Option<Ticks>,
    /// When the next slot is due, in ticks from the start.
    pub slot: Ticks,
    /// Faults, orders and edits come before then; from then on all goes well.
    pub window: Ticks,
    /// From then on no slot comes either: where slots come faster than a rotation is over, there would be no rest.
    pub last_slot: bool,
    /// How many of each.
    pub left: Left,
    /// Which faults there are.
    pub faults: Vec<Trouble>,
    /// What may be ordered.
    pub orders: Vec<OrderKind>,
    /// What a person may do to the labels.
    pub edits: Vec<Edit>,
    /// Replicas take their turns one after the other, and verifiers follow: fewer states, and none of another kind.
    pub orderly: bool,
}

/// In one tick, of one replica with one secret: more would be one that writes for ever.
const MOST_TURNS: usize = 24;

impl World {
    /// The end of all trouble.
    pub(crate) fn end(&self) -> Ticks {
        START + self.window
    }

    /// Everything is at rest; each daemon has read, and each verifier has a view.
    pub(crate) fn start(&self) -> State {
        let made = at(START + self.slot - self.rules.every);
        let deadline = self.overlap.map(|left| at(START + left));
        let store = match self.rules.kind {
            Kind::Embedded => Store::Embedded(EmbeddedState::new(self.secrets, made, deadline)),
            Kind::Aws => Store::Aws(AwsState::new(self.secrets, made, deadline)),
        };
        let replica = Replica { parts: vec![Part::default(); self.secrets] };
        let verifier = Verifier {
            done: false,
            cut_until: 0,
            asleep_until: 0,
            stopped: 0,
            held: None,
            newest: vec![0; self.secrets],
        };
        let fates = |n: usize| {
            let truth = store.truth(n);
            let mut fates = Fates::default();
            for id in truth.versions.keys() {
                let is_current = *id == truth.current;
                let replaced = (!is_current).then_some(START - 20);
                let deadline = deadline.filter(|_| !is_current);
                let fate = Fate { current: Some(START - 40), replaced, deadline, ..Fate::default() };
                fates.versions.insert(*id, fate);
            }
            Arc::new(fates)
        };
        let mut state = State {
            tick: START - 1,
            begun: true,
            fates: (0..self.secrets).map(fates).collect(),
            store,
            replicas: vec![replica; self.skews.len()],
            verifiers: vec![verifier; self.verifiers],
            late: Vec::new(),
            left: self.left,
            wrong: None,
        };
        self.round(&mut state);
        self.tick(&mut state);
        state
    }

    /// All do what they have to do in this tick, one after the other, and nothing goes wrong.
    pub(crate) fn round(&self, state: &mut State) {
        for replica in 0..state.replicas.len() {
            for secret in 0..self.secrets {
                for _ in 0..MOST_TURNS {
                    if state.replicas[replica].parts[secret].done {
                        break;
                    }
                    self.turn(state, replica, secret, None, None);
                }
            }
        }
        for verifier in 0..state.verifiers.len() {
            if !state.verifiers[verifier].done {
                self.fetch(state, verifier, self.home(verifier));
            }
        }
    }

    /// The first one asks the replica that takes its turn last.
    pub(crate) fn home(&self, verifier: usize) -> usize {
        self.skews.len() - 1 - verifier % self.skews.len()
    }

    pub(crate) fn happen(&self, state: &mut State, event: Event) {
        let begun = std::mem::replace(&mut state.begun, true);
        match event {
            Event::Turn { replica, secret, fault, shows, dies } => {
                state.left.faults -= u8::from(fault.is_some() || shows.is_some() || dies);
                self.turn(state, replica, secret, fault, shows);
                if dies {
                    let parts = state.replicas[replica].parts.iter_mut();
                    // It is started again at once; what keeps it down for longer cuts it off.
                    parts.for_each(|part| {
                        let Part { cut_until, dark_until, .. } = *part;
                        *part = Part { cut_until, dark_until, ..Part::default() };
                    });
                }
            }
            Event::Fetch { verifier, replica } => {
                state.left.faults -= u8::from(replica != self.home(verifier));
                self.fetch(state, verifier, replica);
            }
            Event::Lands(n) => {
                let (_, write) = state.late.remove(n);
                self.land(state, &write, true);
            }
            Event::Orders { replica, secret, asked } => {
                state.left.orders -= 1;
                state.begun = begun;
                self.order(state, replica, secret, asked);
            }
            Event::Edits(secret, edit) => {
                state.left.edits -= 1;
                state.begun = begun;
                self.edit(state, secret, edit);
            }
            Event::CutOff(replica, secret, ticks) => {
                state.left.faults -= 1;
                state.begun = begun;
                let part = &mut state.replicas[replica].parts[secret];
                (part.cut_until, part.done) = (state.tick + ticks, true);
            }
            Event::Unreadable(replica, secret, ticks) => {
                state.left.faults -= 1;
                state.begun = begun;
                state.replicas[replica].parts[secret].dark_until = state.tick + ticks;
            }
            Event::Alone(verifier, ticks) => {
                state.left.faults -= 1;
                state.begun = begun;
                let verifier = &mut state.verifiers[verifier];
                (verifier.cut_until, verifier.done) = (state.tick + ticks, true);
            }
            Event::Nap(verifier, ticks) => {
                state.left.faults -= 1;
                state.begun = begun;
                let verifier = &mut state.verifiers[verifier];
                verifier.asleep_until = state.tick + ticks;
                (verifier.cut_until, verifier.done) = (state.tick + ticks, true);
                verifier.stopped += ticks;
            }
            Event::Tick => self.tick(state),
        }
    }

    /// A tick goes by after which nothing goes wrong: what is on its way lands as late as it can.
    pub(crate) fn elapse(&self, state: &mut State) {
        while let Some(n) = state.late.iter().position(|(last, _)| *last <= state.tick) {
            let (_, write) = state.late.remove(n);
            self.land(state, &write, true);
        }
        self.tick(state);
    }

    fn tick(&self, state: &mut State) {
        state.tick += 1;
        state.begun = false;
        let tick = state.tick;
        // What has not landed by then never does.
        state.late.retain(|(last, _)| *last >= tick);
        if let Store::Aws(aws) = &mut state.store {
            aws.forget(tick, self.rules.store_lag);
        }
        for (replica, skew) in state.replicas.iter_mut().zip(&self.skews) {
            for part in &mut replica.parts {
                part.done = part.cut_until > tick;
                if self.broken == Some(Broken::WriteMakesYounger)
                    && part.wrote.is_some_and(|wrote| wrote + 2 == tick)
                    && let Some(known) = &mut part.known
                {
                    let known = Arc::make_mut(known);
                    (known.at, known.now) = (crate::turn::moment(tick, *skew), self.rules.interval(tick));
                }
                part.dark_until = if part.dark_until > tick { part.dark_until } else { 0 };
                part.wrote = part.wrote.filter(|wrote| wrote + 2 > tick);
            }
        }
        for verifier in &mut state.verifiers {
            verifier.done = verifier.cut_until > tick;
        }
        self.look(state, false);
    }

    pub(crate) fn turn(
        &self,
        state: &mut State,
        replica: usize,
        secret: usize,
        fault: Option<Fault>,
        shows: Option<usize>,
    ) {
        let (rules, broken, tick) = (&self.rules, self.broken, state.tick);
        let turn = Turn { rules, broken, secret, tick, skew: self.skews[replica], fault, shows };
        let is_ordered = state.replicas[replica].parts[secret].order.is_some();
        let done = turn.take(&state.store, &state.replicas[replica].parts[secret]);
        (state.store, state.replicas[replica].parts[secret]) = (done.store, done.part);
        if let Some(write) = done.late {
            // Sent on a read of ten seconds ago, at most.
            state.late.push((tick + rules.write_lag + 1, write));
            state.late.sort_by_key(|(last, write)| (*last, format!("{write:?}")));
        }
        if let Some(step) = done.step {
            self.judge_step(state, secret, step, is_ordered);
        }
        if let Some(order) = done.told {
            self.note_told(state, secret, order);
        }
        self.look(state, true);
    }

    fn fetch(&self, state: &mut State, verifier: usize, replica: usize) {
        let (skew, tick) = (self.skews[replica], state.tick);
        let State { verifiers, replicas, .. } = state;
        verifiers[verifier].fetch(&replicas[replica], skew, tick, &self.rules, self.broken);
    }

    fn land(&self, state: &mut State, write: &Write, ours: bool) {
        let tick = state.tick;
        if let Store::Aws(aws) = &mut state.store {
            // Nobody hears what came of it.
            let _ = aws.land(write, at(tick), tick);
        }
        self.look(state, ours);
    }

    fn order(&self, state: &mut State, replica: usize, secret: usize, asked: OrderKind) {
        let part = &mut state.replicas[replica].parts[secret];
        let Some(ring) = part.known.as_ref().and_then(|known| known.ring.as_ref()) else { return };
        let named = None;
        let request = match asked {
            OrderKind::Rotate => Some(Request::Rotate { named }),
            OrderKind::Compromised => Some(Request::Compromised { named }),
            OrderKind::RevokeAll => Some(Request::RevokeAll { named }),
            OrderKind::RevokePrevious => {
                ring.previous.first().map(|p| Request::Revoke { version: p.version.id })
            }
            OrderKind::RevokePending => ring.pending.map(|p| Request::Revoke { version: p.id }),
            OrderKind::Abort => ring.pending.map(|p| Request::Abort { named: Some(p.id) }),
            OrderKind::Pause => Some(Request::Pause),
            OrderKind::Resume => Some(Request::Resume),
        };
        let truth = state.store.truth(secret);
        let seen = ring.current.id;
        let ends_all = matches!(asked, OrderKind::Compromised | OrderKind::RevokeAll);
        let stood = truth.versions.into_keys().filter(|_| ends_all).collect();
        let fates = Arc::make_mut(&mut state.fates[secret]);
        if matches!(asked, OrderKind::Rotate | OrderKind::Resume) {
            fates.paused = None;
        }
        fates.hasty |= asked == OrderKind::RevokeAll;
        // A broken one: where the version that it saw last is not current any more, that one is ended, and no other.
        let is_behind = self.broken == Some(Broken::BoundToTheLastView) && truth.current != seen;
        let request = match request {
            Some(_) if is_behind && ends_all => Some(Request::Revoke { version: seen }),
            request => request,
        };
        let stood = Arc::new(stood);
        let order =
            |request| Order { request, bound: None, stood, marked: false, told: false, since: state.tick };
        part.order = request.map(order);
    }

    fn edit(&self, state: &mut State, secret: usize, edit: Edit) {
        let Store::Aws(aws) = &state.store else { return };
        let there = aws.secret(secret);
        let holder = |label: &str| there.labels().get(label).map(String::as_str);
        let current = holder("AWSCURRENT").expect("there is always one");
        let write = match edit {
            Edit::RollBack => {
                holder("AWSPREVIOUS").map(|to| Write::label(secret, "AWSCURRENT", Some(current), Some(to)))
            }
            Edit::Promote => holder("AWSPENDING")
                .filter(|to| *to != current)
                .map(|to| Write::label(secret, "AWSCURRENT", Some(current), Some(to))),
            Edit::Unlabel => {
                holder("AWSPREVIOUS").map(|from| Write::label(secret, "AWSPREVIOUS", Some(from), None))
            }
            Edit::Put => {
                let n = there.versions().len();
                Some(Write::replace(secret, &format!("00000000-0000-4000-8000-{n:012}")))
            }
        };
        let Some(write) = write else { return };
        let until = state.tick + self.rules.soak();
        Arc::make_mut(&mut state.fates[secret]).excused_until = until;
        self.land(state, &write, false);
    }

    /// Every version that there is, of that secret.
    pub(crate) fn versions(state: &State, secret: usize) -> impl Iterator<Item = (VersionId, Fate)> + '_ {
        state.fates[secret].versions.iter().map(|(id, fate)| (*id, *fate))
    }
}
