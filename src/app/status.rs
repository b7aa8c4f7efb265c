//! An observation in the words of `status`.

use crossfade_verify::{Moment, Stage};

use crate::{
    clock::elapsed,
    config::SecretConfig,
    distribution::{KnownVerifier, Standing, Usage},
    engine::{Done, Observation, OrderFailure},
    http::operator::{
        OrderError, OrderOutcome, OrderReport, SecretStatus, VerifierStatus, VerifiersStatus, VersionStatus,
    },
    rotation::{
        plan::{Phase, Refusal},
        ring::{NO_TOKEN, Version},
    },
    time::{Interval, Timestamp, millis},
};

/// Verifiers that are shown by name.
const LATE: usize = 100;

pub(super) fn of(
    secret: &SecretConfig,
    seen: Option<&Observation>,
    now: Moment,
    usage: Option<&Usage>,
) -> SecretStatus {
    let ms = Timestamp::as_millis;
    let ring = seen.and_then(|seen| seen.ring.as_ref());
    let since = |read: Option<(Moment, Interval)>| read.map(|(at, _)| elapsed(at, now));
    let read = seen.and_then(|seen| seen.read);
    let mut versions = Vec::new();
    if let Some(ring) = ring {
        versions.push(version(&ring.current, Stage::Current, None, usage));
        versions.extend(ring.pending.iter().map(|p| version(p, Stage::Pending, None, usage)));
        let previous = ring.previous.iter();
        versions.extend(previous.map(|p| version(&p.version, Stage::Previous, Some(p.deadline), usage)));
    }
    let foreign = ring.is_some_and(|ring| ring.current.foreign);
    let message = seen.and_then(|seen| {
        let parked = seen.parked.as_ref().map(|parked| parked.message.clone());
        parked.or_else(|| seen.message.clone())
    });
    SecretStatus {
        secret: secret.name.to_string(),
        client_id: secret.client_id.to_string(),
        audience: secret.audience.to_string(),
        phase: seen.map_or(Phase::Waiting, |seen| seen.phase),
        why: seen.and_then(|seen| seen.why).map(|why| why.to_string()),
        message: message.or_else(|| match seen {
            None => Some("it was not read yet".to_owned()),
            Some(_) if foreign => Some("the current token was made by somebody else: rotate it".to_owned()),
            Some(_) => None,
        }),
        now_ms: read.zip(since(read)).map(|((_, at), age)| ms(at.latest + age)),
        view_age_ms: since(seen.and_then(|seen| seen.whole)).map(millis),
        versions,
        schedule: secret.schedule.as_deref().map(str::to_owned),
        next_slot_ms: seen.and_then(|seen| seen.next_slot).map(ms),
        overdue: seen.is_some_and(|seen| seen.overdue),
        promotes_ms: seen.and_then(|seen| seen.promotes).map(ms),
        soak_ms: millis(secret.policy.soak()),
        verifiers: None,
    }
}

/// What came of an order that stands.
pub(super) fn of_order(secret: SecretStatus, done: &Done) -> OrderReport {
    let order = OrderOutcome {
        version: done.about.to_string(),
        taken_ms: done.taken.as_millis(),
        ended: done.ended.iter().map(ToString::to_string).collect(),
        changed: done.changed,
        held_up: done.held_up.clone(),
    };
    OrderReport { secret, order }
}

/// Why an order does not stand.
pub(super) fn of_failure(failure: OrderFailure) -> OrderError {
    let why = failure.to_string();
    match failure {
        OrderFailure::Refused(Refusal::NotCurrent { .. }) => OrderError::NotCurrent(why),
        OrderFailure::Refused(_) | OrderFailure::Failed(_) => OrderError::Refused(why),
        OrderFailure::Unknown(_) => OrderError::Unknown(why),
    }
}

/// What people want to see of the verifiers of an audience.
pub(super) fn verifiers(all: &[KnownVerifier]) -> VerifiersStatus {
    let count = |standing| all.iter().filter(|verifier| verifier.standing == standing).count();
    let late = all.iter().filter(|verifier| verifier.standing != Standing::UpToDate);
    VerifiersStatus {
        up_to_date: count(Standing::UpToDate),
        behind: count(Standing::Behind),
        gone: count(Standing::Gone),
        unconfirmed: all.iter().filter(|verifier| !verifier.confirmed).count(),
        late: late.take(LATE).map(verifier).collect(),
    }
}

fn verifier(of: &KnownVerifier) -> VerifierStatus {
    VerifierStatus {
        verifier: format!("{}/{}", of.client, of.instance),
        state: of.standing.as_str().to_owned(),
        silent_ms: millis(of.silent),
        confirmed: of.confirmed,
        may_accept_ms: millis(of.may_accept),
    }
}

fn version(of: &Version, stage: Stage, deadline: Option<Timestamp>, usage: Option<&Usage>) -> VersionStatus {
    let watched = usage.and_then(|usage| usage.of(of.id));
    let last = watched.as_ref().and_then(|watched| watched.last.as_ref());
    VersionStatus {
        stage: stage.as_str().to_owned(),
        created_ms: of.created.as_millis(),
        deadline_ms: deadline.map(Timestamp::as_millis),
        ended: of.ended.is_some(),
        foreign: of.foreign,
        unread: of.is_unread(),
        no_token: of.digest == NO_TOKEN,
        last_used_ms: last.map(|last| last.at_ms),
        last_used_by: last.map(|last| last.by.to_string()),
        watched_since_ms: watched.as_ref().map(|watched| watched.since_ms),
        version: of.id.to_string(),
    }
}
