//! What can be put around a store: what is counted, what is written down, and what a dry run leaves alone.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::{Step, Why},
        policy::Notes,
        ring::{Findings, Previous, Ring, Version, VersionId},
    },
    store::{
        Secret, Store, Versions, WriteError,
        decorators::{AuditEntry, AuditSink, Audited, DryRun, Metered, Operation, Outcome, StoreMeter},
    },
    time::Timestamp,
};
use crossfade_testing_store::{Fault, HandClock, Memory};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const WHY: Why = Why::Due(NOW);

struct Heard<T>(Mutex<Vec<T>>);

impl<T> Heard<T> {
    fn nothing() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn hear(&self, what: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn all(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StoreMeter for Heard<(Operation, Outcome, Duration)> {
    fn observe(&self, operation: Operation, outcome: Outcome, took: Duration) {
        self.hear((operation, outcome, took));
    }
}

#[async_trait]
impl AuditSink for Heard<(Timestamp, AuditEntry)> {
    async fn record(&self, now: Timestamp, entry: &AuditEntry) {
        self.hear((now, entry.clone()));
    }
}

fn secret() -> Secret {
    Secret::new("mcp/slack-bot-token", "mcp")
}

fn memory() -> Arc<Memory> {
    Arc::new(Memory::new(Notes::WithPromotion, NOW))
}

async fn tries(store: &impl Store, step: Step) -> Result<(), WriteError> {
    tries_on(&mut *store.secret(secret()), step).await
}

async fn tries_on(versions: &mut dyn Versions, step: Step) -> Result<(), WriteError> {
    versions.read().await.expect("it can be read");
    versions.apply(&step.because(WHY)).await.map(drop)
}

#[tokio::test]
async fn each_call_is_counted_and_timed_by_what_came_of_it() {
    let (memory, meter) = (memory(), Heard::nothing());
    let clock = HandClock::at(0, 0);
    clock.leap(7);
    let store = Metered::new(Arc::clone(&memory), Arc::<Heard<_>>::clone(&meter), clock);
    let took = Duration::from_millis(7);
    tries(&store, Step::Create).await.expect("it is made");
    tries(&store, Step::Create).await.expect_err("it exists");
    memory.script(&[Some(Fault::Before)], &[]);
    store.secret(secret()).read().await.expect_err("a fault");
    let expected = [
        (Operation::Read, Outcome::Done, took),
        (Operation::Create, Outcome::Done, took),
        (Operation::Read, Outcome::Done, took),
        (Operation::Create, Outcome::Conflict, took),
        (Operation::Read, Outcome::Unavailable, took),
    ];
    assert_eq!(meter.all(), expected);
}

#[tokio::test]
async fn each_step_is_written_down_after_its_effect_also_where_it_failed() {
    let (memory, sink) = (memory(), Heard::<(Timestamp, AuditEntry)>::nothing());
    let store = Audited::new(Arc::clone(&memory), Arc::<Heard<_>>::clone(&sink));
    tries(&store, Step::Create).await.expect("it is made");
    let first = VersionId::derive("mcp/slack-bot-token", None, 0);
    memory.script(&[], &[Some(Fault::After)]);
    tries(&store, Step::Stage { current: first }).await.expect_err("a fault");
    let made = memory.ring("mcp/slack-bot-token").and_then(|ring| ring.pending).expect("it was made").id;
    tries(&store, Step::Drop { pending: made }).await.expect("it is taken back");
    tries(&store, Step::Stage { current: first }).await.expect("another one is made");
    let next = memory.ring("mcp/slack-bot-token").and_then(|ring| ring.pending).expect("it was made").id;
    let entry = |action, version, outcome, detail: Option<&str>| AuditEntry {
        action,
        secret: "mcp/slack-bot-token".into(),
        version,
        outcome,
        why: WHY,
        detail: detail.map(str::to_owned),
    };
    let follows = format!("follows {first}");
    let why = format!("{follows}: the store can't be written right now: a scripted fault, after");
    let expected = [
        (NOW, entry(Operation::Create, Some(first), Outcome::Done, None)),
        (NOW, entry(Operation::Stage, None, Outcome::Unavailable, Some(&why))),
        (NOW, entry(Operation::Drop, Some(made), Outcome::Done, None)),
        (NOW, entry(Operation::Stage, Some(next), Outcome::Done, Some(&follows))),
    ];
    assert_eq!(sink.all(), expected);
}

#[tokio::test]
async fn nothing_of_a_dry_run_reaches_the_store() {
    let memory = memory();
    tries(&memory, Step::Create).await.expect("it is made");
    let before = memory.ring("mcp/slack-bot-token");
    let mut copy = DryRun::new(&memory, secret(), Notes::WithPromotion);
    let current = before.as_ref().expect("a version").current.id;
    tries_on(&mut copy, Step::Stage { current }).await.expect("it is staged");
    tries_on(&mut copy, Step::Pause { current }).await.expect("it is paused");
    assert_eq!(memory.ring("mcp/slack-bot-token"), before);
    assert_eq!(memory.steps(), [Step::Create]);
}

#[tokio::test]
async fn a_dry_run_reads_each_secret_once_and_its_clock_is_its_owner_s() {
    let memory = memory();
    let mut copy = DryRun::new(&memory, secret(), Notes::WithPromotion);
    tries_on(&mut copy, Step::Create).await.expect("it is made");
    tries(&memory, Step::Create).await.expect("it is made");
    memory.set_now(NOW + Duration::from_secs(60));
    let now = async |copy: &mut DryRun| copy.read().await.expect("it can be read").now.earliest;
    assert_eq!(now(&mut copy).await, NOW);
    copy.advance_to(NOW + Duration::from_secs(5));
    assert_eq!(now(&mut copy).await, NOW + Duration::from_secs(5));
    copy.advance_to(NOW);
    assert_eq!(now(&mut copy).await, NOW + Duration::from_secs(5), "it doesn't run back");
}

#[tokio::test]
async fn a_dry_run_of_a_store_that_can_t_be_read_says_so_and_tries_again() {
    let memory = memory();
    memory.script(&[Some(Fault::Before)], &[]);
    let mut copy = DryRun::new(&memory, secret(), Notes::WithPromotion);
    copy.read().await.expect_err("a fault");
    copy.read().await.expect("it can be read");
}

#[tokio::test]
async fn a_dry_run_puts_in_order_what_is_left_over_once() {
    let memory = memory();
    tries(&memory, Step::Create).await.expect("it is made");
    let mut ring = memory.ring("mcp/slack-bot-token").expect("it is made");
    let (version, other) = (ring.current.id, VersionId::derive("another", None, 0));
    ring.findings.untidy = Some(version);
    memory.put("mcp/slack-bot-token", Some(ring.clone()));
    let mut copy = DryRun::new(&memory, secret(), Notes::BeforePromotion);
    tries_on(&mut copy, Step::Tidy { version: other }).await.expect_err("nothing is left over on that one");
    tries_on(&mut copy, Step::Tidy { version }).await.expect("it is put in order");
    let after = copy.read().await.expect("it can be read").ring;
    assert_eq!(after, Some(Ring { findings: Findings::default(), ..ring }));
    tries_on(&mut copy, Step::Tidy { version }).await.expect_err("nothing is left over");
}

#[tokio::test]
async fn a_dry_run_gives_what_a_person_has_replaced_its_note_once_it_was_seen_twice() {
    let (memory, lag) = (memory(), Duration::from_secs(15));
    tries(&memory, Step::Create).await.expect("it is made");
    let mut ring = memory.ring("mcp/slack-bot-token").expect("it is made");
    let replaced = Version { id: VersionId::derive("another", None, 0), ..ring.current };
    let deadline = NOW + secret().grace;
    ring.previous.push(Previous { version: replaced, deadline });
    memory.put("mcp/slack-bot-token", Some(ring));
    let mut copy = DryRun::new(&memory, secret(), Notes::BeforePromotion).with_lag(lag);
    let untidy = async |copy: &mut DryRun| {
        let ring = copy.read().await.expect("it can be read").ring;
        ring.and_then(|ring| ring.findings.untidy)
    };
    assert_eq!(untidy(&mut copy).await, None);
    copy.advance_to(NOW + lag - Duration::from_millis(1));
    assert_eq!(untidy(&mut copy).await, None, "one read may be late");
    copy.advance_to(NOW + lag);
    assert_eq!(untidy(&mut copy).await, Some(replaced.id));
    tries_on(&mut copy, Step::Tidy { version: replaced.id }).await.expect("it is noted");
    assert_eq!(untidy(&mut copy).await, None);
    let ring = copy.read().await.expect("it can be read").ring.expect("a ring");
    assert_eq!(ring.previous[0].version.note, Some(deadline));
}

#[test]
fn words_are_unique() {
    for words in [
        Operation::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        Outcome::ALL.iter().map(|word| word.as_str()).collect(),
    ] {
        let unique: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(unique.len(), words.len());
    }
}
