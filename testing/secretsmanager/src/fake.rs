//! The service, its faults, its clock and its log, behind one lock.
//!
//! Every call is one transition under the lock. A write that lands late is applied before anything
//! looks at the state after its time has come, at that time; so no timer is needed, and a clock that
//! stands gives the same run every time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value as Json;

use crate::{
    Clock, Person,
    faults::Rule,
    log::{Call, Change},
    model::{Error, Operation, Request, Secret, Service},
};

mod state;
use state::State;

/// A fake of Secrets Manager. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

/// What the caller of a call sees.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// The reply, as it goes over the wire. It may hold a secret value.
    Reply(Json),
    /// An error.
    Error(Error),
    /// Nothing: the connection is closed.
    Lost,
}

impl Fake {
    /// An empty service.
    pub fn new(clock: Clock) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(clock))) }
    }

    /// A call, by that access key, with its faults.
    pub fn call(&self, caller: Option<&str>, request: impl Into<Request>) -> Answer {
        self.lock().call(caller, None, request.into())
    }

    /// A call as it comes over the wire, signed at that time.
    pub fn call_named(
        &self,
        caller: Option<&str>,
        signed: Option<&str>,
        operation: &str,
        body: &[u8],
    ) -> Answer {
        self.lock().call_named(caller, signed, operation, body)
    }

    /// Somebody at the console. No fault befalls what a person does.
    pub fn person(&self) -> Person<'_> {
        Person::new(self)
    }

    /// Makes something go wrong; the number is for [`Fake::remove_fault`].
    pub fn fault(&self, rule: Rule) -> u64 {
        self.lock().plan.add(rule)
    }

    /// Takes a rule back. Writes that are under way land all the same.
    pub fn remove_fault(&self, id: u64) {
        self.lock().plan.remove(id);
    }

    /// Takes all rules back. Writes that are under way land all the same.
    pub fn clear_faults(&self) {
        self.lock().plan.clear();
    }

    /// How many rules can still befall a call: 0 once all that was ordered has happened.
    pub fn faults_left(&self) -> usize {
        self.lock().plan.left()
    }

    /// How many writes are yet to land.
    pub fn writes_under_way(&self) -> usize {
        self.lock().settled().under_way()
    }

    /// From now on that access key may do these, and nothing else. Keys that were never named may do
    /// everything.
    pub fn allow(&self, access_key: &str, actions: &[Operation]) {
        self.lock().allow(access_key, actions);
    }

    /// The time.
    pub fn now_ms(&self) -> u64 {
        self.lock().clock.now_ms()
    }

    /// Sets the clock.
    pub fn set_clock(&self, to_ms: u64) {
        self.lock().clock.set(to_ms);
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.lock().clock.advance(by);
    }

    /// The calls since the start or the last clearing, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().settled().calls.iter().cloned().collect()
    }

    /// How many calls there were since the start.
    pub fn calls_made(&self) -> u64 {
        self.lock().seq
    }

    /// Forgets the calls and the changes; their numbers go on.
    pub fn clear_calls(&self) {
        let mut state = self.lock();
        state.settled().calls.clear();
        state.changes.clear();
    }

    /// The calls and the changes since the last time, and forgets them: together, so that none is lost in between.
    pub fn take_log(&self) -> (Vec<Call>, Vec<Change>) {
        let mut state = self.lock();
        let state = state.settled();
        (state.calls.drain(..).collect(), state.changes.drain(..).collect())
    }

    /// The labels after each write that was accepted, the oldest first.
    pub fn changes(&self) -> Vec<Change> {
        self.lock().settled().changes.iter().cloned().collect()
    }

    /// A secret as it truly stands, whatever late reads show.
    pub fn secret(&self, id: &str) -> Option<Secret> {
        let mut state = self.lock();
        let now_ms = state.clock.now_ms();
        state.settled().service().secret(id, now_ms).cloned()
    }

    pub(crate) fn as_person(&self, request: &Request) -> Result<Json, Error> {
        self.lock().person(request)
    }

    pub(crate) fn knob(
        &self,
        name: &str,
        secret: &str,
        edit: impl FnOnce(&mut Service, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.lock().knob(name, secret, edit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reply(_) => f.write_str("Reply(…)"),
            Self::Error(error) => write!(f, "Error({error})"),
            Self::Lost => f.write_str("Lost"),
        }
    }
}
