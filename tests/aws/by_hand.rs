//! What a person does to the labels: adopted, or paused and reported; never fought.

use std::time::Duration;

use crossfade::rotation::plan::{Phase, Request};
use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Failure, Rule},
    model::Operation,
};

use crate::world::{EVERY, FIRST, GRACE, LAG, NAME, SYNC, World, millis};

const THEIRS: &str = "00000000-0000-4000-8000-000000000002";
const LATER: &str = "33333333-0000-4000-8000-000000000003";
const THEIR_TOKEN: &str = "another-token-that-they-have-made";

async fn rotates(world: &mut World) {
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let pending = world.holder("AWSPENDING");
    world.until("the promotion", |labels| labels.get("AWSCURRENT") == pending.as_ref()).await;
}

#[tokio::test]
async fn a_value_that_a_person_puts_is_adopted_and_the_one_that_it_replaces_keeps_its_grace() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    world.excused = true;
    world.server.person().put(NAME, THEIRS, THEIR_TOKEN, &[]).expect("a put");
    world.run(Duration::from_secs(3)).await;
    assert!(world.accepts(0, THEIR_TOKEN), "it was adopted");
    assert!(world.accepts(0, &world.token(FIRST)), "the old one lives on");
    assert!(world.notes(FIRST).is_empty() || world.notes(FIRST) == ["kept"], "one read may be late");
    world.run(Duration::from_secs(15)).await;
    assert_eq!(world.notes(FIRST), ["until"], "a second look shows none either");
    assert_eq!(world.notes(THEIRS), ["kept"]);
    world.run(GRACE).await;
    assert!(!world.accepts(0, &world.token(FIRST)), "past its grace it is over");
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS), "and no rotation came of it");
}

#[tokio::test]
async fn a_late_read_does_not_begin_the_grace_of_a_replaced_version_anew() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    world.excused = true;
    world.server.person().put(NAME, THEIRS, THEIR_TOKEN, &[]).expect("a put");
    world.until("its deadline", |labels| labels.keys().any(|l| l.starts_with("crossfade-until-"))).await;
    let deadline = |world: &World| {
        let labels = world.labels().into_keys();
        labels.filter(|label| label.starts_with("crossfade-until-")).collect::<Vec<_>>()
    };
    let written = deadline(&world);
    world.turn(0).await;
    world.server.advance(LAG - Duration::from_secs(1));
    let late = Effect::LateRead(Delay::Fixed(millis(LAG)));
    world.server.fault(Rule::once(late).on(Operation::DescribeSecret));
    world.run(Duration::from_secs(30)).await;
    assert_eq!(deadline(&world), written, "a deadline that was read stands");
}

/// Replaced tokens are accepted for their grace, by a daemon that saw it and by one that was started since.
async fn keep_their_grace(world: &mut World, versions: &[&str]) {
    let tokens: Vec<_> = versions.iter().map(|version| world.token(version)).collect();
    world.run(Duration::from_secs(30)).await;
    for crashed in [false, true] {
        if crashed {
            world.crash(0);
            world.run(Duration::from_secs(3)).await;
        }
        assert!(tokens.iter().all(|token| world.accepts(0, token)), "crashed: {crashed}");
    }
    // A note's time is rounded up, to ten seconds.
    world.run(GRACE + Duration::from_secs(10)).await;
    assert!(!tokens.iter().any(|token| world.accepts(0, token)), "past their grace they are over");
}

#[tokio::test]
async fn of_two_values_that_are_put_in_a_row_both_replaced_ones_keep_their_grace() {
    for pause in [0, 6] {
        let mut world = World::new().await;
        world.run(Duration::from_secs(30)).await;
        world.excused = true;
        world.server.person().put(NAME, THEIRS, THEIR_TOKEN, &[]).expect("a put");
        world.run(Duration::from_secs(pause)).await;
        world.server.person().put(NAME, LATER, "and-one-more-token-of-theirs", &[]).expect("a put");
        world.run(Duration::from_secs(3)).await;
        assert!(world.accepts(0, "and-one-more-token-of-theirs"));
        keep_their_grace(&mut world, &[FIRST, THEIRS]).await;
    }
}

#[tokio::test]
async fn a_note_from_a_rotation_that_was_stopped_does_not_cut_short_the_grace_of_a_replacement_by_hand() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.until("the note", |labels| labels.keys().any(|label| label.starts_with("crossfade-until"))).await;
    world.order(0, Request::Pause).await.expect("a pause");
    (world.excused, world.excused_by_hand) = (true, true);
    world.run(GRACE).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "it was not promoted");
    world.server.person().put(NAME, THEIRS, THEIR_TOKEN, &[]).expect("a put");
    world.run(Duration::from_secs(3)).await;
    keep_their_grace(&mut world, &[FIRST]).await;
}

#[tokio::test]
async fn two_rotations_that_a_replica_has_slept_through_are_no_edit_by_hand() {
    let mut world = World::new().await;
    world.add(0);
    world.run(Duration::from_secs(30)).await;
    let sleeper = world.replicas.pop().expect("two of them");
    rotates(&mut world).await;
    rotates(&mut world).await;
    world.run(GRACE).await;
    world.replicas.push(sleeper);
    world.run(GRACE - Duration::from_secs(20)).await;
    assert!(!world.accepts(1, &world.token(FIRST)), "its deadline is that of its note");
}

#[tokio::test]
async fn a_candidate_that_a_person_overtakes_is_dropped_and_never_promoted() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    world.excused = true;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let candidate = world.holder("AWSPENDING").expect("a candidate");
    world.server.person().put(NAME, THEIRS, THEIR_TOKEN, &["AWSCURRENT"]).expect("a put");
    world.until("it is dropped", |labels| !labels.contains_key("AWSPENDING")).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS));
    assert_eq!(world.notes(&candidate), ["until"], "its deadline came first");
    world.settle().await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS));
}

#[tokio::test]
async fn a_roll_back_by_hand_is_paused_until_a_person_goes_on() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    rotates(&mut world).await;
    world.run(Duration::from_secs(6)).await;
    (world.excused, world.excused_by_hand) = (true, true);
    let ours = world.holder("AWSCURRENT");
    world.server.person().label(NAME, "AWSCURRENT", Some(FIRST), ours.as_deref()).expect("a move");
    world.run(Duration::from_secs(9)).await;
    assert_eq!(world.status(0).phase, Phase::Paused);
    assert!(world.status(0).message.is_some_and(|said| said.contains("older version current again")));
    world.run(EVERY * 2).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "it is not rotated again by itself");
    world.order(0, Request::Resume).await.expect("a resume");
    world.run(Duration::from_secs(9)).await;
    assert_ne!(world.status(0).phase, Phase::Paused, "a resume is not taken back");
    world.run(EVERY + Duration::from_secs(60)).await;
    assert_ne!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "the next slot is as ever");
}

#[tokio::test]
async fn a_rotation_that_is_ordered_replaces_what_was_rolled_back() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    rotates(&mut world).await;
    (world.excused, world.excused_by_hand) = (true, true);
    let ours = world.holder("AWSCURRENT");
    world.server.person().label(NAME, "AWSCURRENT", Some(FIRST), ours.as_deref()).expect("a move");
    world.run(Duration::from_secs(9)).await;
    rotates(&mut world).await;
    world.settle().await;
    let current = world.holder("AWSCURRENT");
    assert!(current.as_deref() != Some(FIRST) && current != ours, "a new one, not the one from before");
}

#[tokio::test]
async fn a_version_whose_name_is_no_uuid_is_rotated_like_any_other() {
    let mut world = World::empty().await;
    let name = "terraform-20260101000000000000000001";
    world.server.person().create(NAME, name, THEIR_TOKEN).expect("a secret");
    world.server.advance(Duration::from_secs(3600));
    world.add(0);
    world.run(Duration::from_secs(6)).await;
    assert!(world.accepts(0, THEIR_TOKEN));
    rotates(&mut world).await;
    assert_eq!(world.holder("AWSPREVIOUS").as_deref(), Some(name));
    world.settle().await;
}

/// Whoever may move labels, and not read values, can end a token all the same.
#[tokio::test]
async fn an_end_that_a_person_writes_by_hand_is_as_good_as_ours() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    rotates(&mut world).await;
    world.run(Duration::from_secs(6)).await;
    world.excused = true;
    let denied = Effect::FailBefore(Failure::KeyAccessDenied);
    world.server.fault(Rule::once(denied).on(Operation::GetSecretValue).always());
    let label = format!("crossfade-ended-{}-{}", world.server.now_ms() / 1000, &FIRST[..8]);
    world.server.person().label(NAME, &label, Some(FIRST), None).expect("a label");
    world.run(SYNC * 2).await;
    assert!(!world.accepts(0, &world.token(FIRST)));
    world.server.clear_faults();
    let current = world.holder("AWSCURRENT").expect("a current version");
    let label = format!("crossfade-compromised-{}-{}", world.server.now_ms() / 1000, &current[..8]);
    world.server.person().label(NAME, &label, Some(&current), None).expect("a label");
    world.until("the replacement", |labels| labels.get("AWSCURRENT") != Some(&current)).await;
    world.run(SYNC).await;
    assert!(!world.accepts(0, &world.token(&current)), "without grace");
}
