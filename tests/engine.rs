//! The loop around the decision: it never ends on an error, gives up what is rejected time and
//! again, and answers every order.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use crossfade::{
    clock::Clock,
    engine::{Done, Engine, Inbox, Observer, Order, OrderFailure, Outcome, Reason, Rotator, Wakers},
    rotation::{
        plan::{Phase, Refusal, Request, Trigger},
        policy::{Notes, Policy, StoreTraits, Terms},
        ring::{Previous, Version, VersionId},
        schedule::Schedule,
    },
    store::{Secret, Store},
    time::Timestamp,
};
use crossfade_testing_store::{Fault, Memory, Recorder};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

struct Running {
    memory: Arc<Memory>,
    seen: Arc<Recorder>,
    inbox: Arc<Inbox>,
    refresh: Arc<Notify>,
    stop: CancellationToken,
    _tick: watch::Sender<u64>,
}

fn policy() -> Policy {
    let seconds = Duration::from_secs;
    let store = StoreTraits {
        store_lag: Duration::ZERO,
        write_lag: Duration::ZERO,
        notes: Notes::WithPromotion,
        creates: true,
    };
    Policy::new(Terms {
        secret: "s".into(),
        schedule: Some(Schedule::every(seconds(100)).expect("a period")),
        jitter: Duration::ZERO,
        grace: seconds(40),
        soak: None,
        freshness: seconds(9),
        hold: seconds(3600),
        sync: seconds(3),
        store,
    })
    .expect("a sound policy")
}

fn start(tasks: &mut tokio::task::JoinSet<()>) -> Running {
    let memory = Arc::new(Memory::new(Notes::WithPromotion, Timestamp::from_millis(1_000_000)));
    let clock: Arc<dyn Clock> = Arc::<Memory>::clone(&memory);
    let seen = Arc::new(Recorder::default());
    let secret = Secret::new("s", "mcp");
    let observer: Arc<dyn Observer> = Arc::<Recorder>::clone(&seen);
    let rotator = Rotator::new(secret.clone(), memory.secret(secret), Arc::clone(&clock), observer);
    let inbox = Arc::new(Inbox::new(Arc::new(policy())));
    let (tick, ticks) = watch::channel(0);
    let refresh = Arc::new(Notify::new());
    let wakers = Wakers { inbox: Arc::clone(&inbox), tick: ticks, refresh: Arc::clone(&refresh) };
    let stop = CancellationToken::new();
    tasks.spawn(Engine::new(rotator, wakers, Arc::new(|most| most)).run(stop.clone()));
    Running { memory, seen, inbox, refresh, stop, _tick: tick }
}

impl Running {
    async fn order(&self, request: Request) -> Result<Done, OrderFailure> {
        let (reply, answer) = oneshot::channel();
        assert!(self.inbox.put(Order { request, reply }), "an engine takes it");
        answer.await.expect("an answer")
    }

    async fn until(&self, what: &str, holds: impl Fn(&Running) -> bool) {
        for _ in 0..100_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never came: {what}: {:?}", self.seen.last());
    }

    /// The longest time between two good reads after that one.
    fn longest_gap(&self, since: Timestamp) -> Duration {
        let reads = self.seen.observed().into_iter().filter_map(|seen| seen.read);
        let reads: BTreeSet<u64> = reads.map(|(at, _)| at.boot_ms).collect();
        let times: Vec<u64> = reads.range(since.as_millis()..).copied().collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_millis(gaps.max().expect("two reads"))
    }

    fn phase(&self) -> Option<Phase> {
        self.seen.last().map(|seen| seen.phase)
    }

    fn current(&self) -> VersionId {
        self.memory.ring("s").expect("a secret").current.id
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_made_rotated_on_schedule_and_retired() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let first = running.current();
    running.until("a rotation", |r| r.current() != first).await;
    running
        .until("the retirement", |r| r.memory.ring("s").is_some_and(|ring| ring.previous.is_empty()))
        .await;
    assert_eq!(running.seen.rotated()[0], (Trigger::Schedule, Outcome::Done));
    running.stop.cancel();
    assert!(tasks.join_next().await.expect("the engine").is_ok(), "it stops when it is told to");
}

#[tokio::test(start_paused = true)]
async fn errors_put_a_rotation_off_and_never_end_the_loop() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let first = running.current();
    let faults = vec![Some(Fault::Before); 40];
    running.memory.script(&faults, &faults);
    running.until("the rotation all the same", |r| r.current() != first).await;
}

/// Found on a full disk: with `sync: 1s` a view grew 15.7 s old, on which nobody may be refused.
#[tokio::test(start_paused = true)]
async fn reads_keep_their_pace_whatever_writes_do_and_a_write_is_not_tried_more_often_for_that() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let (first, since) = (running.current(), running.memory.now());
    running.memory.script(&[], &vec![Some(Fault::Before); 10_000]);
    running.until("a long time of it", |r| r.memory.now().since(since) > Duration::from_secs(1_000)).await;
    assert_eq!(running.current(), first, "nothing could be written");
    let sync = policy().terms().sync;
    let gap = running.longest_gap(since);
    assert!(gap < sync + Duration::from_secs(1), "a view that grew {gap:?} old");
    let tries = 10_000 - running.memory.writes_to_come();
    assert!(
        (10..100).contains(&tries),
        "a write every ten seconds at most, not {tries} in a thousand seconds"
    );
    running.memory.script(&[], &[]);
    running.until("the rotation, once it can be written", |r| r.current() != first).await;
}

/// What this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn callers_who_have_a_store_read_that_is_out_of_order_cause_a_handful_of_lines() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    running.memory.script(&vec![Some(Fault::Before); 10_000], &[]);
    let since = running.memory.now();
    while running.memory.now().since(since) < Duration::from_secs(600) {
        running.refresh.notify_one();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let reads = 10_000 - running.memory.reads_to_come();
    assert!(reads > 300, "callers had it read {reads} times");
    let text = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
    let lines = text.lines().filter(|line| line.contains("a scripted fault")).count();
    assert!((1..=5 * 11).contains(&lines), "{lines} lines in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn an_order_does_not_wait_for_the_pause_after_a_failed_write() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let (first, since) = (running.current(), running.memory.now());
    running.memory.script(&[], &vec![Some(Fault::Before); 10_000]);
    running.until("long pauses", |r| r.memory.now().since(since) > Duration::from_secs(400)).await;
    running.memory.script(&[], &[]);
    let ordered = running.memory.now();
    running.order(Request::Compromised { named: Some(first) }).await.expect("an end");
    let took = running.memory.now().since(ordered);
    assert!(took < Duration::from_secs(2), "it was carried out at once, not after {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_rejected_time_and_again_is_given_up_loudly_and_tried_at_the_next_slot() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let first = running.current();
    running.memory.script(&[], &[Some(Fault::Rejected); 5]);
    running.until("it is parked", |r| r.phase() == Some(Phase::Parked)).await;
    let parked = running.seen.last().and_then(|seen| seen.parked.clone());
    assert_eq!(parked.map(|parked| parked.reason), Some(Reason::Rejected));
    assert_eq!(running.seen.rotated(), [(Trigger::Schedule, Outcome::Failed)]);
    running.until("the next slot's rotation", |r| r.current() != first).await;
    running.until("it is parked no more", |r| r.phase() != Some(Phase::Parked)).await;
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_was_given_up_does_not_keep_what_is_over_in_the_store() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let first = running.current();
    running.order(Request::Rotate { named: Some(first) }).await.expect("a rotation");
    running.until("its promotion", |r| r.current() != first).await;
    let second = running.current();
    running.order(Request::Rotate { named: Some(second) }).await.expect("another one, within the grace");
    running.memory.script(&[], &[Some(Fault::Rejected); 5]);
    running.until("it is given up", |r| r.phase() == Some(Phase::Parked)).await;
    running
        .until("the first one is forgotten", |r| {
            r.memory.ring("s").is_some_and(|s| s.version(first).is_none())
        })
        .await;
    let ring = running.memory.ring("s").expect("a secret");
    assert!(ring.current.id == second && ring.pending.is_some(), "the promotion still waits: {ring:?}");
    assert_eq!(running.phase(), Some(Phase::Parked), "and stays parked");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_answered_once_it_stands_and_a_wrong_one_is_refused() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let current = running.current();
    assert!(running.order(Request::Rotate { named: Some(current) }).await.is_ok());
    assert!(running.memory.ring("s").is_some_and(|ring| ring.pending.is_some()), "it stands in the store");
    let refused = running.order(Request::Revoke { version: current }).await;
    assert!(matches!(refused, Err(OrderFailure::Refused(Refusal::IsCurrent(_)))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_reach_the_store_is_answered_with_not_known() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let current = running.current();
    running.memory.script(&vec![Some(Fault::Before); 500], &[]);
    assert!(matches!(
        running.order(Request::Rotate { named: Some(current) }).await,
        Err(OrderFailure::Unknown(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_tried_for_as_long_as_anybody_waits_and_no_other_order_is() {
    for (faults, stands) in [(25, true), (500, false)] {
        for (reads, writes) in [(faults, 0), (0, faults)] {
            let mut tasks = tokio::task::JoinSet::new();
            let running = start(&mut tasks);
            running.until("the first version", |r| r.memory.ring("s").is_some()).await;
            let current = running.current();
            let script = |n: usize| vec![Some(Fault::Before); n];
            running.memory.script(&script(reads), &script(writes));
            let other = running.order(Request::Rotate { named: Some(current) }).await;
            assert!(matches!(other, Err(OrderFailure::Unknown(_))), "{reads} {writes}: {other:?}");
            let end = running.order(Request::Compromised { named: Some(current) }).await;
            assert_eq!(end.is_ok(), stands, "{reads} {writes}: {end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_all_is_carried_through_without_the_soak() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let (current, before) = (running.current(), running.memory.now());
    running.order(Request::RevokeAll { named: Some(current) }).await.expect("the marks");
    running.until("the replacement", |r| r.current() != current).await;
    assert!(running.memory.now().since(before) < policy().soak(), "it waited for the soak");
    running.until("it is counted", |r| !r.seen.rotated().is_empty()).await;
    assert_eq!(running.seen.rotated()[0], (Trigger::Revoke, Outcome::Done));
}

#[tokio::test(start_paused = true)]
async fn an_ended_token_that_is_put_back_under_another_version_is_ended_there_too() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("the first version", |r| r.memory.ring("s").is_some()).await;
    let first = running.memory.ring("s").expect("a secret").current;
    running.order(Request::Rotate { named: Some(first.id) }).await.expect("a rotation");
    running.until("its promotion", |r| r.current() != first.id).await;
    running.order(Request::Revoke { version: first.id }).await.expect("an end");
    running.until("it is forgotten", |r| r.memory.ring("s").is_some_and(|s| s.previous.is_empty())).await;
    let mut ring = running.memory.ring("s").expect("a secret");
    let again = Version { id: VersionId::of_name("again"), ..first };
    let deadline = running.memory.now() + Duration::from_secs(30);
    ring.previous.push(Previous { version: again, deadline });
    running.memory.put("s", Some(ring));
    running.until("it is put away", |r| r.memory.ring("s").is_some_and(|s| s.previous.is_empty())).await;
    assert!(running.memory.now() < deadline, "at once, as what is ended");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_has_ended_takes_no_order_and_leaves_none_without_an_answer() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    let order = || {
        let (reply, answer) = oneshot::channel();
        let request = Request::Rotate { named: Some(VersionId::of_name("any")) };
        (running.inbox.put(Order { request, reply }), answer)
    };
    let (was_taken, answer) = order();
    running.stop.cancel();
    tasks.join_next().await.expect("the engine").expect("no panic");
    assert!(was_taken && answer.await.is_err(), "nobody will carry it out");
    assert!(!order().0);
}

#[tokio::test(start_paused = true)]
async fn without_a_daemon_a_secret_is_brought_as_far_as_it_goes() {
    let memory = Arc::new(Memory::new(Notes::WithPromotion, Timestamp::from_millis(1_000_000)));
    let secret = Secret::new("s", "mcp");
    let versions = memory.secret(secret.clone());
    let clock: Arc<dyn Clock> = Arc::<Memory>::clone(&memory);
    let mut rotator = Rotator::new(secret, versions, clock, Arc::new(Recorder::default()));
    assert!(!rotator.is_well(false), "nothing was read yet");
    rotator.settle(&policy()).await;
    let first = memory.ring("s").expect("it is made").current.id;
    assert!(rotator.is_well(true), "nothing is due");
    memory.set_now(memory.now() + Duration::from_secs(100));
    memory.script(&[], &[None, Some(Fault::After)]);
    rotator.settle(&policy()).await;
    assert!(rotator.is_well(false) && !rotator.is_well(true), "its replacement soaks");
    rotator.wait_for_promotion(&policy()).await;
    let ring = memory.ring("s").expect("it is made");
    assert!(ring.current.id != first && rotator.is_well(true), "it was promoted, and {ring:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_daemon_what_was_ended_is_replaced_or_it_is_said_why_not() {
    let memory = Arc::new(Memory::new(Notes::WithPromotion, Timestamp::from_millis(1_000_000)));
    let secret = Secret::new("s", "mcp");
    let versions = memory.secret(secret.clone());
    let clock: Arc<dyn Clock> = Arc::<Memory>::clone(&memory);
    let mut rotator = Rotator::new(secret, versions, clock, Arc::new(Recorder::default()));
    rotator.settle(&policy()).await;
    let first = memory.ring("s").expect("it is made").current.id;
    let done = rotator.carry_out(&policy(), Request::RevokeAll { named: None }).await.expect("it is marked");
    memory.script(&[], &[Some(Fault::Before); 1_000]);
    let late = rotator.carry_through(&policy(), &done.demand).await.expect_err("no write succeeds");
    assert!(late.0.is_some_and(|why| why.contains("a scripted fault")));
    memory.script(&[], &[]);
    let held_up = rotator.carry_through(&policy(), &done.demand).await.expect("it is replaced");
    assert_eq!(held_up, None);
    assert_ne!(memory.ring("s").expect("it is made").current.id, first);
}

#[tokio::test(start_paused = true)]
async fn an_engine_ends_when_its_secret_leaves_the_config_and_tells_whoever_waits_for_it() {
    let mut tasks = tokio::task::JoinSet::new();
    let running = start(&mut tasks);
    running.until("a read", |running| running.seen.last().is_some()).await;
    running.inbox.close();
    let (reply, answer) = oneshot::channel();
    let request = Request::Rotate { named: None };
    assert!(!running.inbox.put(Order { request, reply }), "it takes no order any more");
    tasks.join_next().await.expect("the engine").expect("no panic");
    assert!(answer.await.is_err() && !running.stop.is_cancelled());
}
