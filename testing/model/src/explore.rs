//! The exploration: which events can come next, and what has to hold of each state.

use std::{fmt, time::Duration};

use stateright::{Checker as _, HasDiscoveries, Property};

use crate::{
    event::{Event, OrderKind, Trouble},
    memo::{Memo, remembered},
    promise::sentence,
    rest::Rests,
    rules::Kind,
    state::State,
    store::{Fault, Store},
    world::World,
};

/// A world, and the sentences of the promise about it.
#[derive(Debug)]
pub struct Model {
    world: World,
    rests: Rests,
}

/// What an exploration came to.
pub struct Explored {
    /// Distinct states.
    pub states: usize,
    /// The most events in a row.
    pub depth: usize,
    /// The sentence that did not hold, and the events that led there.
    pub broken: Option<(&'static str, Vec<Event>)>,
}

impl fmt::Debug for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} distinct states, {} events deep", self.states, self.depth)?;
        let Some((sentence, events)) = &self.broken else { return Ok(()) };
        writeln!(f, "broken: {sentence}")?;
        events.iter().try_for_each(|event| writeln!(f, "  {event:?}"))
    }
}

thread_local! {
    /// Each sentence is asked for in turn.
    static BROKEN: Memo<Option<&'static str>> = Memo::default();
}

impl Model {
    /// Of that world.
    pub fn new(world: World) -> Self {
        Self { world, rests: Rests::default() }
    }

    /// Explores every state, or up to the first one that breaks the promise.
    pub fn explore(self, threads: usize) -> Explored {
        let checker = stateright::Model::checker(self)
            .threads(threads)
            .finish_when(HasDiscoveries::Any)
            .timeout(Duration::from_secs(3600))
            .spawn_bfs()
            .join();
        let broken = sentence::ALL.into_iter().find_map(|sentence| {
            let path = checker.discovery(sentence)?;
            Some((sentence, path.into_actions()))
        });
        Explored { states: checker.unique_state_count(), depth: checker.max_depth(), broken }
    }

    /// Whether that sentence holds of this state; of one at the end of all trouble, also of what comes of it.
    fn keeps(&self, sentence: &str, state: &State) -> bool {
        let Self { world, rests } = self;
        let breaks = remembered(&BROKEN, (state, world.broken, &world.rules, world.last_slot), || {
            let at_last = || world.breaks_at_last(rests, state);
            world.breaks(state).or_else(|| (state.tick >= world.end()).then(at_last).flatten())
        });
        breaks != Some(sentence)
    }

    fn faults(&self) -> &[Trouble] {
        &self.world.faults
    }
}

impl stateright::Model for Model {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![self.world.start()]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.tick >= self.world.end() || state.wrong.is_some() {
            return;
        }
        if !state.begun {
            self.what_begins_a_tick(state, events);
        }
        events.extend((0..state.late.len()).map(Event::Lands));
        self.what_is_left_to_do(state, events);
    }

    fn next_state(&self, state: &State, event: Event) -> Option<State> {
        let mut next = state.clone();
        self.world.happen(&mut next, event);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(sentence::NOT_REFUSED, |m: &Self, s: &State| m.keeps(sentence::NOT_REFUSED, s)),
            Property::always(sentence::NOT_PAST_ITS_DEADLINE, |m: &Self, s: &State| {
                m.keeps(sentence::NOT_PAST_ITS_DEADLINE, s)
            }),
            Property::always(sentence::NOT_ONCE_ENDED, |m: &Self, s: &State| {
                m.keeps(sentence::NOT_ONCE_ENDED, s)
            }),
            Property::always(sentence::NOT_ONCE_THAWED, |m: &Self, s: &State| {
                m.keeps(sentence::NOT_ONCE_THAWED, s)
            }),
            Property::always(sentence::NOT_TWICE, |m: &Self, s: &State| m.keeps(sentence::NOT_TWICE, s)),
            Property::always(sentence::ON_HOLD, |m: &Self, s: &State| m.keeps(sentence::ON_HOLD, s)),
            Property::always(sentence::AS_REPORTED, |m: &Self, s: &State| m.keeps(sentence::AS_REPORTED, s)),
            Property::always(sentence::AT_REST, |m: &Self, s: &State| m.keeps(sentence::AT_REST, s)),
        ]
    }
}

impl Model {
    /// What a person does, and what is cut off from now on.
    fn what_begins_a_tick(&self, state: &State, events: &mut Vec<Event>) {
        let World { secrets, .. } = self.world;
        let all = || (0..state.replicas.len()).flat_map(|r| (0..secrets).map(move |s| (r, s)));
        if state.left.orders > 0 {
            for (replica, secret) in all() {
                let idle = state.replicas[replica].parts[secret].order.is_none();
                let asked = self
                    .world
                    .orders
                    .iter()
                    .filter(|asked| idle && self.fits(state, replica, secret, **asked));
                events.extend(asked.map(|asked| Event::Orders { replica, secret, asked: *asked }));
            }
        }
        if state.left.edits > 0 {
            for secret in 0..secrets {
                events.extend(self.world.edits.iter().map(|edit| Event::Edits(secret, *edit)));
            }
        }
        if state.left.faults == 0 {
            return;
        }
        for trouble in self.faults() {
            match *trouble {
                Trouble::CutOff(ticks) => {
                    let open = all().filter(|(r, s)| state.replicas[*r].parts[*s].cut_until <= state.tick);
                    events.extend(open.map(|(r, s)| Event::CutOff(r, s, ticks)));
                }
                Trouble::Unreadable(ticks) if self.world.rules.kind == Kind::Aws => {
                    let open = all().filter(|(r, s)| state.replicas[*r].parts[*s].dark_until <= state.tick);
                    events.extend(open.map(|(r, s)| Event::Unreadable(r, s, ticks)));
                }
                Trouble::Alone(ticks) => {
                    events.extend(self.open_verifiers(state).map(|v| Event::Alone(v, ticks)));
                }
                Trouble::Nap(ticks) => {
                    events.extend(self.open_verifiers(state).map(|v| Event::Nap(v, ticks)));
                }
                _ => {}
            }
        }
    }

    fn open_verifiers<'a>(&self, state: &'a State) -> impl Iterator<Item = usize> + 'a {
        let open = |v: &usize| state.verifiers[*v].cut_until <= state.tick;
        (0..state.verifiers.len()).filter(open)
    }

    /// Whether a person who looks at `status` would ask for it.
    fn fits(&self, state: &State, replica: usize, secret: usize, asked: OrderKind) -> bool {
        let known = state.replicas[replica].parts[secret].known.as_ref();
        let Some(ring) = known.and_then(|known| known.ring.as_ref()) else { return false };
        match asked {
            OrderKind::Rotate | OrderKind::Compromised | OrderKind::RevokeAll => true,
            OrderKind::RevokePrevious => !ring.previous.is_empty(),
            OrderKind::RevokePending | OrderKind::Abort => ring.pending.is_some(),
            OrderKind::Pause => ring.paused.is_none(),
            OrderKind::Resume => ring.paused.is_some(),
        }
    }

    fn what_is_left_to_do(&self, state: &State, events: &mut Vec<Event>) {
        let before = events.len();
        for (replica, daemon) in state.replicas.iter().enumerate() {
            for (secret, part) in daemon.parts.iter().enumerate().filter(|(_, part)| !part.done) {
                self.turns(state, replica, secret, events);
                let _ = part;
                if self.world.orderly {
                    return;
                }
            }
        }
        for (verifier, _) in state.verifiers.iter().enumerate().filter(|(_, verifier)| !verifier.done) {
            let home = self.world.home(verifier);
            events.push(Event::Fetch { verifier, replica: home });
            if state.left.faults > 0 && self.faults().contains(&Trouble::Stray) {
                let others = (0..state.replicas.len()).filter(|replica| *replica != home);
                events.extend(others.map(|replica| Event::Fetch { verifier, replica }));
            }
            if self.world.orderly {
                return;
            }
        }
        if events.len() == before {
            events.push(Event::Tick);
        }
    }

    /// One replica's turn with one secret, and whatever may befall it.
    fn turns(&self, state: &State, replica: usize, secret: usize, events: &mut Vec<Event>) {
        let turn = |fault, shows, dies| Event::Turn { replica, secret, fault, shows, dies };
        events.push(turn(None, None, false));
        if state.left.faults == 0 {
            return;
        }
        for trouble in self.faults() {
            match trouble {
                Trouble::Crash => {
                    events.push(turn(Some(Fault::Unsent), None, true));
                    events.push(turn(Some(Fault::Unanswered), None, true));
                }
                Trouble::Lost => {
                    events.push(turn(Some(Fault::Unsent), None, false));
                    events.push(turn(Some(Fault::Unanswered), None, false));
                }
                Trouble::LateWrite if self.world.rules.kind == Kind::Aws => {
                    events.push(turn(Some(Fault::Late), None, false));
                }
                // After a write: else it is the same at the beginning of the tick.
                Trouble::CutOff(ticks) if state.replicas[replica].parts[secret].wrote == Some(state.tick) => {
                    events.push(Event::CutOff(replica, secret, *ticks));
                }
                Trouble::LateRead => {
                    let Store::Aws(aws) = &state.store else { continue };
                    events.extend((0..aws.older.len()).map(|n| turn(None, Some(n), false)));
                }
                _ => {}
            }
        }
    }
}
