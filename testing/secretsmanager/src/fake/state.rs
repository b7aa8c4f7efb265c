//! The path of a call: rights, faults, effect, log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value as Json;

use super::Answer;
use crate::{
    Clock,
    faults::{Plan, PlannedFault},
    log::{Call, Change, ENTRIES, Outcome},
    model::{Error, Operation, Request, Service},
};

mod history;
use history::History;

/// Who a person's edits are logged as.
const PERSON: &str = "person";

#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) plan: Plan,
    pub(super) calls: VecDeque<Call>,
    pub(super) changes: VecDeque<Change>,
    history: History,
    rights: BTreeMap<String, BTreeSet<Operation>>,
    late: Vec<Late>,
    pub(super) seq: u64,
}

/// A write that is under way.
#[derive(Debug)]
struct Late {
    due_ms: u64,
    seq: u64,
    request: Request,
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            plan: Plan::default(),
            calls: VecDeque::new(),
            changes: VecDeque::new(),
            history: History::default(),
            rights: BTreeMap::new(),
            late: Vec::new(),
            seq: 0,
        }
    }

    pub(super) fn allow(&mut self, access_key: &str, actions: &[Operation]) {
        self.rights.insert(access_key.to_owned(), actions.iter().copied().collect());
    }

    pub(super) fn under_way(&self) -> usize {
        self.late.len()
    }

    pub(super) fn service(&self) -> &Service {
        self.history.latest()
    }

    /// With every write landed whose time has come, each at its own time.
    pub(super) fn settled(&mut self) -> &mut Self {
        let now_ms = self.clock.now_ms();
        loop {
            let due = self.late.iter().enumerate().filter(|(_, late)| late.due_ms <= now_ms);
            let next = due.min_by_key(|(_, late)| (late.due_ms, late.seq)).map(|(index, _)| index);
            let Some(index) = next else { return self };
            let Late { due_ms, seq, request } = self.late.swap_remove(index);
            let effect = outcome(&self.write(seq, &request, due_ms));
            if let Some(call) = self.calls.iter_mut().find(|call| call.seq == seq) {
                call.effect = effect;
            }
        }
    }

    pub(super) fn call_named(
        &mut self,
        caller: Option<&str>,
        signed: Option<&str>,
        operation: &str,
        body: &[u8],
    ) -> Answer {
        match Operation::named(operation).and_then(|operation| Request::parse(operation, body)) {
            Ok(request) => self.call(caller, signed, request),
            Err(error) => {
                let mut call = self.entry(caller, operation);
                call.answer = Outcome::Refused(error.code.to_owned());
                self.record(call);
                Answer::Error(error)
            }
        }
    }

    pub(super) fn call(&mut self, caller: Option<&str>, signed: Option<&str>, request: Request) -> Answer {
        let operation = request.operation();
        let mut call = self.settled().entry(caller, operation.name()).about(&request);
        call.signed = signed.map(str::to_owned);
        let answer = match self.denied(caller, operation) {
            Some(error) => Answer::Error(error),
            None => {
                let name = self.name_of(&request, call.at_ms);
                let fault = self.plan.befalls(operation, name.as_deref(), &call);
                call.fault = fault.map(|fault| format!("{fault:?}"));
                self.befallen(fault, request, &mut call)
            }
        };
        call.answer = match &answer {
            Answer::Reply(_) => Outcome::Done,
            Answer::Error(error) => Outcome::Refused(error.code.to_owned()),
            Answer::Lost => Outcome::Nothing,
        };
        self.record(call);
        answer
    }

    /// What a person does: no rights to check, no faults.
    pub(super) fn person(&mut self, request: &Request) -> Result<Json, Error> {
        let mut call = self.settled().entry(Some(PERSON), request.operation().name()).about(request);
        let result = self.write(call.seq, request, call.at_ms);
        call.effect = outcome(&result);
        call.answer = outcome(&result);
        self.record(call);
        result
    }

    /// An edit that is no operation of the service.
    pub(super) fn knob(
        &mut self,
        name: &str,
        secret: &str,
        edit: impl FnOnce(&mut Service, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut call = self.settled().entry(Some(PERSON), name);
        call.secret = Some(secret.to_owned());
        let result = self.change(call.seq, Some(secret), call.at_ms, edit);
        call.effect = outcome(&result);
        call.answer = outcome(&result);
        self.record(call);
        result
    }

    fn befallen(&mut self, fault: Option<PlannedFault>, request: Request, call: &mut Call) -> Answer {
        let operation = request.operation();
        let lag_ms = match fault {
            Some(PlannedFault::LostRequest) => return Answer::Lost,
            Some(PlannedFault::FailBefore(failure)) => return Answer::Error(failure.error(operation)),
            Some(PlannedFault::LateWrite { delay_ms }) => {
                let due_ms = call.at_ms.saturating_add(delay_ms);
                self.late.push(Late { due_ms, seq: call.seq, request });
                call.effect = Outcome::Pending;
                return Answer::Lost;
            }
            Some(PlannedFault::LateRead { lag_ms }) => lag_ms,
            _ => 0,
        };
        let result = match operation.reads() {
            true => self.history.as_of(call.at_ms.saturating_sub(lag_ms)).call(&request, call.at_ms),
            false => self.write(call.seq, &request, call.at_ms),
        };
        call.effect = outcome(&result);
        match fault {
            Some(PlannedFault::LostReply) => Answer::Lost,
            Some(PlannedFault::FailAfter(failure)) => Answer::Error(failure.error(operation)),
            _ => result.map_or_else(Answer::Error, Answer::Reply),
        }
    }

    fn write(&mut self, seq: u64, request: &Request, at_ms: u64) -> Result<Json, Error> {
        // Of a secret that goes, the name is known before only.
        let name = self.name_of(request, at_ms).filter(|_| !request.operation().reads());
        self.change(seq, name.as_deref(), at_ms, |service, at_ms| service.call(request, at_ms))
    }

    fn change<T>(
        &mut self,
        seq: u64,
        secret: Option<&str>,
        at_ms: u64,
        change: impl FnOnce(&mut Service, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut service = self.service().clone();
        let result = change(&mut service, at_ms);
        self.history.push(at_ms, service);
        self.note(seq, at_ms, secret, result.is_ok());
        result
    }

    fn note(&mut self, seq: u64, at_ms: u64, id: Option<&str>, done: bool) {
        let Some(id) = id.filter(|_| done) else { return };
        let secret = self.service().secret(id, at_ms);
        let change = match secret {
            Some(secret) => Change {
                seq,
                at_ms,
                secret: secret.name().to_owned(),
                arn: secret.arn().to_owned(),
                labels: secret.labels().clone(),
            },
            None => Change { seq, at_ms, secret: id.to_owned(), arn: String::new(), labels: BTreeMap::new() },
        };
        bounded(&mut self.changes, change);
    }

    /// The code is documented for all services, the message is of AWS's usual form.
    fn denied(&self, caller: Option<&str>, operation: Operation) -> Option<Error> {
        let key = caller?;
        let action = operation.name();
        let message = format!(
            "User: {key} is not authorized to perform: secretsmanager:{action} because no identity-based \
             policy allows the secretsmanager:{action} action"
        );
        let lacks = !self.rights.get(key)?.contains(&operation);
        lacks.then(|| Error::caller("AccessDeniedException", message))
    }

    fn name_of(&self, request: &Request, at_ms: u64) -> Option<String> {
        let id = request.secret_id()?;
        let secret = self.service().secret(id, at_ms);
        Some(secret.map_or(id, |secret| secret.name()).to_owned())
    }

    fn entry(&mut self, caller: Option<&str>, operation: &str) -> Call {
        self.seq += 1;
        Call::new(self.seq, self.clock.now_ms(), caller, operation)
    }

    fn record(&mut self, call: Call) {
        bounded(&mut self.calls, call);
    }
}

fn outcome<T>(result: &Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::Refused(error.code.to_owned()),
    }
}

fn bounded<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() == ENTRIES {
        entries.pop_front();
    }
    entries.push_back(entry);
}
