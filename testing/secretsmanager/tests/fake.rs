//! Faults, clock, log and rights, in process and on a clock that stands.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{sync::Arc, time::Duration};

use crossfade_testing_secretsmanager::{
    Answer, Clock, Fake,
    faults::{Delay, Effect, Failure, Rule},
    log::Outcome,
    model::{
        DescribeSecret, GetSecretValue, ListSecretVersionIds, Operation, PutSecretValue, Request,
        UpdateSecretVersionStage,
    },
};

const NAME: &str = "mcp/slack-bot-token";
const START_MS: u64 = 1_700_000_000_000;

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// With version 1 current and version 2 pending, made a second before now.
fn fake() -> Fake {
    let fake = Fake::new(Clock::standing_at(START_MS));
    fake.person().create(NAME, &id(1), "one").unwrap();
    fake.person().put(NAME, &id(2), "two", &["AWSPENDING"]).unwrap();
    fake.advance(Duration::from_secs(1));
    fake.clear_calls();
    fake
}

fn put(n: u32, label: &str) -> Request {
    PutSecretValue {
        secret_id: NAME.to_owned(),
        client_request_token: Some(id(n)),
        secret_string: Some("a value".into()),
        version_stages: Some(vec![label.to_owned()]),
        ..PutSecretValue::default()
    }
    .into()
}

fn promote(to: u32, from: u32) -> Request {
    UpdateSecretVersionStage {
        secret_id: NAME.to_owned(),
        version_stage: "AWSCURRENT".to_owned(),
        move_to_version_id: Some(id(to)),
        remove_from_version_id: Some(id(from)),
    }
    .into()
}

fn describe() -> Request {
    DescribeSecret { secret_id: NAME.to_owned() }.into()
}

/// The version that is truly current.
fn current(fake: &Fake) -> String {
    fake.secret(NAME).unwrap().labels()["AWSCURRENT"].clone()
}

/// The labels of a version, as a read shows them; null: it bears none, or is not there.
fn seen(fake: &Fake, n: u32) -> serde_json::Value {
    let Answer::Reply(reply) = fake.call(None, describe()) else { panic!("a reply") };
    reply["VersionIdsToStages"][id(n)].clone()
}

fn code(answer: &Answer) -> &'static str {
    let Answer::Error(error) = answer else { panic!("an error, not {answer:?}") };
    error.code
}

#[test]
fn a_late_read_shows_the_state_as_it_was_to_the_millisecond() {
    let fake = fake();
    assert_eq!(fake.call(None, promote(2, 1)), fake.call(None, describe_nothing()));
    let promoted_ms = fake.now_ms();
    fake.advance(Duration::from_secs(15));
    for (lag_ms, late) in [(0, false), (15_000, false), (15_001, true)] {
        fake.fault(Rule::once(Effect::LateRead(Delay::Fixed(lag_ms))));
        let current = seen(&fake, 2).as_array().unwrap().iter().any(|label| label == "AWSCURRENT");
        assert_eq!(current, !late, "{lag_ms} ms, promoted at {promoted_ms}");
    }
    assert_eq!(current(&fake), id(2), "the fake itself knows better");
}

/// The reply that a label move has too: the ARN and the name.
fn describe_nothing() -> Request {
    crossfade_testing_secretsmanager::model::RestoreSecret { secret_id: NAME.to_owned() }.into()
}

#[test]
fn a_late_read_shows_a_state_that_was_replaced_since_from_its_first_millisecond_to_its_last() {
    let fake = fake();
    for n in 3..=5 {
        fake.call(None, put(n, "mine"));
        fake.advance(Duration::from_secs(1));
    }
    for (lag_ms, n) in [(0, 5), (1000, 5), (1001, 4), (2000, 4), (2001, 3), (3000, 3)] {
        fake.fault(Rule::once(Effect::LateRead(Delay::Fixed(lag_ms))));
        assert!(seen(&fake, n).is_array(), "{lag_ms} ms ago it was version {n}");
    }
}

#[test]
fn every_read_of_a_version_can_be_late_and_a_write_never_is() {
    let fake = fake();
    fake.call(None, put(3, "mine"));
    fake.advance(Duration::from_secs(1));
    fake.fault(Rule::once(Effect::LateRead(Delay::Fixed(1001))).always());
    let get = GetSecretValue { secret_id: NAME.into(), version_id: Some(id(3)), version_stage: None };
    assert_eq!(code(&fake.call(None, get)), "ResourceNotFoundException");
    let list = ListSecretVersionIds { secret_id: NAME.into(), ..ListSecretVersionIds::default() };
    let Answer::Reply(reply) = fake.call(None, list) else { panic!("a reply") };
    assert_eq!(reply["Versions"].as_array().unwrap().len(), 2);
    assert!(matches!(fake.call(None, promote(3, 1)), Answer::Reply(_)), "writes see the truth");
}

#[test]
fn a_read_from_before_the_secret_finds_none() {
    let fake = fake();
    fake.fault(Rule::once(Effect::LateRead(Delay::Fixed(1001))));
    assert_eq!(code(&fake.call(None, describe())), "ResourceNotFoundException");
}

#[test]
fn lateness_can_vary_by_seed_or_by_call() {
    let lags = |seed| {
        let fake = fake();
        fake.fault(Rule::once(Effect::LateRead(Delay::UpTo { max_ms: 100, seed })).always());
        (0..50).for_each(|_| drop(fake.call(None, describe())));
        fake.calls().into_iter().filter_map(|call| call.fault).collect::<Vec<_>>()
    };
    assert_eq!(lags(1), lags(1));
    assert_ne!(lags(1), lags(2));
    let fake = fake();
    let by_caller = |call: &crossfade_testing_secretsmanager::log::Call| match call.caller.as_deref() {
        Some("late") => 2000,
        _ => 0,
    };
    fake.fault(Rule::once(Effect::LateRead(Delay::By(Arc::new(by_caller)))).always());
    assert_eq!(code(&fake.call(Some("late"), describe())), "ResourceNotFoundException");
    assert!(matches!(fake.call(Some("on time"), describe()), Answer::Reply(_)));
}

#[test]
fn a_late_write_lands_at_its_time_on_the_state_of_that_time() {
    let fake = fake();
    fake.fault(Rule::once(Effect::LateWrite(Delay::Fixed(5000))));
    assert_eq!(fake.call(None, promote(2, 1)), Answer::Lost);
    assert_eq!((fake.writes_under_way(), fake.calls()[0].effect.clone()), (1, Outcome::Pending));
    fake.advance(Duration::from_millis(4999));
    assert_eq!(current(&fake), id(1));
    fake.advance(Duration::from_millis(1));
    assert_eq!(current(&fake), id(2));
    assert_eq!((fake.writes_under_way(), fake.calls()[0].effect.clone()), (0, Outcome::Done));
    assert_eq!(fake.changes()[0].at_ms, START_MS + 6000);
}

#[test]
fn a_late_write_is_refused_where_the_state_has_moved_on() {
    let fake = fake();
    fake.fault(Rule::once(Effect::LateWrite(Delay::Fixed(5000))));
    fake.call(None, promote(2, 1));
    fake.person().put(NAME, &id(3), "three", &[]).unwrap();
    fake.advance(Duration::from_secs(60));
    assert_eq!(current(&fake), id(3));
    assert_eq!(fake.calls()[0].effect, Outcome::Refused("InvalidParameterException".into()));
}

#[test]
fn late_writes_land_in_the_order_of_their_times_and_outlive_their_rule() {
    let fake = fake();
    fake.fault(Rule::once(Effect::LateWrite(Delay::Fixed(5000))));
    fake.fault(Rule::once(Effect::LateWrite(Delay::Fixed(1000))));
    fake.call(None, put(3, "mine"));
    fake.call(None, put(4, "mine"));
    fake.clear_faults();
    fake.advance(Duration::from_secs(60));
    let landed: Vec<(u64, String)> =
        fake.changes().into_iter().map(|change| (change.at_ms, change.labels["mine"].clone())).collect();
    assert_eq!(landed, [(START_MS + 2000, id(4)), (START_MS + 6000, id(3))]);
}

#[test]
fn a_failure_before_the_effect_changes_nothing_and_one_after_it_hides_it() {
    for (effect, answer, done) in [
        (Effect::LostRequest, None, false),
        (Effect::LostReply, None, true),
        (Effect::FailBefore(Failure::Internal), Some("InternalServiceError"), false),
        (Effect::FailAfter(Failure::Internal), Some("InternalServiceError"), true),
        (Effect::FailBefore(Failure::Unavailable), Some("ServiceUnavailable"), false),
        (Effect::FailAfter(Failure::Unavailable), Some("ServiceUnavailable"), true),
        (Effect::FailBefore(Failure::Throttling), Some("ThrottlingException"), false),
        (Effect::FailBefore(Failure::AccessDenied), Some("AccessDeniedException"), false),
    ] {
        for (request, changed) in [(promote(2, 1), "AWSCURRENT"), (put(3, "mine"), "mine")] {
            let fake = fake();
            let before = fake.secret(NAME);
            fake.fault(Rule::once(effect.clone()));
            let got = fake.call(None, request);
            assert_eq!(answer.is_none(), got == Answer::Lost, "{effect:?}");
            if let Some(want) = answer {
                assert_eq!(code(&got), want);
            }
            assert_eq!(fake.secret(NAME) != before, done, "{effect:?}, {changed}");
            let call = &fake.calls()[0];
            assert_eq!(call.effect, if done { Outcome::Done } else { Outcome::Nothing }, "{effect:?}");
            assert_eq!(call.answer, answer.map_or(Outcome::Nothing, |code| Outcome::Refused(code.into())));
        }
    }
}

#[test]
fn a_key_that_can_not_be_used_hurts_values_and_never_labels() {
    let get = || Request::from(GetSecretValue { secret_id: NAME.into(), ..GetSecretValue::default() });
    for (failure, read, write) in [
        (Failure::Key, "DecryptionFailure", "EncryptionFailure"),
        (Failure::KeyAccessDenied, "AccessDeniedException", "AccessDeniedException"),
    ] {
        let fake = fake();
        fake.fault(Rule::once(Effect::FailBefore(failure)).always());
        assert_eq!(code(&fake.call(None, get())), read);
        assert_eq!(code(&fake.call(None, put(3, "mine"))), write);
        assert!(matches!(fake.call(None, describe()), Answer::Reply(_)));
        assert!(matches!(fake.call(None, promote(2, 1)), Answer::Reply(_)), "nobody can read it now");
        assert_eq!(current(&fake), id(2));
    }
}

#[test]
fn a_rule_is_for_an_operation_a_secret_a_caller_and_the_nth_of_its_calls() {
    let fake = fake();
    fake.person().create("other", &id(1), "x").unwrap();
    let arn = fake.secret(NAME).unwrap().arn().to_owned();
    let by_arn = || Request::from(DescribeSecret { secret_id: arn.clone() });
    let other = || Request::from(DescribeSecret { secret_id: "other".into() });
    let fault = Effect::FailBefore(Failure::Throttling);
    let rule = Rule::once(fault).on(Operation::DescribeSecret).of(NAME).by("bot");
    fake.fault(rule.after(1).times(2));
    let calls = [
        (Some("bot"), put(3, "mine"), true),
        (Some("bot"), other(), true),
        (Some("other"), describe(), true),
        (None, describe(), true),
        (Some("bot"), describe(), true),
        (Some("bot"), by_arn(), false),
        (Some("bot"), describe(), false),
        (Some("bot"), describe(), true),
    ];
    for (n, (caller, request, well)) in calls.into_iter().enumerate() {
        assert_eq!(matches!(fake.call(caller, request), Answer::Reply(_)), well, "call {n}");
    }
    assert_eq!(fake.faults_left(), 0);
}

#[test]
fn a_rule_stands_until_it_is_removed_or_all_are_cleared() {
    let fake = fake();
    let denied = || Rule::once(Effect::FailBefore(Failure::AccessDenied)).always();
    let id = fake.fault(denied());
    assert!(matches!(fake.call(None, describe()), Answer::Error(_)));
    assert!(matches!(fake.call(None, describe()), Answer::Error(_)));
    fake.remove_fault(id);
    assert!(matches!(fake.call(None, describe()), Answer::Reply(_)));
    fake.fault(denied());
    fake.clear_faults();
    assert!(matches!(fake.call(None, describe()), Answer::Reply(_)));
}

#[test]
fn a_caller_with_a_policy_may_do_what_it_names_and_others_everything() {
    let fake = fake();
    fake.allow("bot", &[Operation::GetSecretValue]);
    let get = || Request::from(GetSecretValue { secret_id: NAME.into(), ..GetSecretValue::default() });
    assert!(matches!(fake.call(Some("bot"), get()), Answer::Reply(_)));
    let denied = fake.call(Some("bot"), promote(2, 1));
    assert_eq!(code(&denied), "AccessDeniedException");
    assert!(format!("{denied:?}").contains("secretsmanager:UpdateSecretVersionStage"));
    assert_eq!(current(&fake), id(1));
    assert!(matches!(fake.call(Some("daemon"), promote(2, 1)), Answer::Reply(_)));
}

#[test]
fn the_log_has_everything_but_values() {
    let fake = fake();
    fake.call(Some("daemon"), put(3, "mine"));
    fake.call(Some("daemon"), promote(3, 2));
    fake.call_named(Some("daemon"), None, "UpdateSecret", br#"{"SecretString":"a value"}"#);
    fake.call_named(Some("daemon"), None, "PutSecretValue", br#"{"SecretId":{"a value":1}}"#);
    fake.person().set_rotation_enabled(NAME, true).unwrap();
    let calls = fake.calls();
    let (put, moved) = (&calls[0], &calls[1]);
    assert_eq!((put.operation.as_str(), put.caller.as_deref()), ("PutSecretValue", Some("daemon")));
    assert_eq!((put.secret.as_deref(), put.version.clone()), (Some(NAME), Some(id(3))));
    assert_eq!((put.labels.clone(), put.at_ms), (vec!["mine".to_owned()], START_MS + 1000));
    assert_eq!((moved.move_to.clone(), moved.remove_from.clone()), (Some(id(3)), Some(id(2))));
    assert_eq!(moved.answer, Outcome::Refused("InvalidParameterException".into()));
    assert_eq!(calls[2].answer, Outcome::Refused("NotImplementedByTheFake".into()));
    assert_eq!(calls[3].answer, Outcome::Refused("SerializationException".into()));
    assert_eq!(calls[4].caller.as_deref(), Some("person"));
    assert!(calls.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
    let printed = format!("{calls:?} {fake:?} {}", serde_json::to_string(&calls).unwrap());
    assert!(!printed.contains("a value"), "{printed}");
    fake.clear_calls();
    assert!(fake.calls().is_empty());
}

#[test]
fn every_accepted_write_leaves_the_labels_that_stood_after_it() {
    let fake = fake();
    fake.call(None, promote(2, 1));
    fake.call(None, promote(2, 1));
    fake.call(None, describe());
    fake.person().delete_by_force(NAME).unwrap();
    let changes = fake.changes();
    assert_eq!(changes.len(), 2);
    assert_eq!((changes[0].seq, changes[0].labels["AWSPREVIOUS"].clone()), (fake.calls()[0].seq, id(1)));
    assert_eq!((changes[1].secret.as_str(), changes[1].labels.len()), (NAME, 0));
}

#[test]
fn the_clock_runs_stands_and_is_moved_as_tests_say() {
    let mut clock = Clock::system();
    let real_ms = clock.now_ms();
    clock.advance(Duration::from_secs(3600));
    assert!(clock.now_ms() >= real_ms + 3_600_000);
    clock.set(START_MS);
    assert!((START_MS..START_MS + 60_000).contains(&clock.now_ms()), "it runs on from there");
    let mut clock = Clock::standing_at(START_MS);
    clock.advance(Duration::from_millis(1));
    assert_eq!(clock.now_ms(), START_MS + 1);
    clock.set(5);
    assert_eq!(clock.now_ms(), 5);
}
