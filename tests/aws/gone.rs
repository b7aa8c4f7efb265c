//! Secrets that are not there: not yet, not any more, or only so it seems.

use std::time::Duration;

use crossfade::{
    distribution::Decision,
    engine::Reason,
    rotation::{plan::Request, ring::VersionId},
};
use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Rule},
    model::Operation,
};

use crate::world::{FIRST, FRESHNESS, LAG, NAME, SOAK, TOKEN, WRITE_LAG, World, millis};

const THEIRS: &str = "00000000-0000-4000-8000-000000000002";
const ANOTHER: &str = "a-token-of-another-secret";
const SIX: Duration = Duration::from_secs(6);

async fn known(creates: bool) -> World {
    let mut world = World::new().await;
    if creates {
        world.may_create();
        world.replicas.clear();
        world.add(0);
    }
    world.run(SIX).await;
    world
}

fn late(duration: Duration) -> Rule {
    Rule::once(Effect::LateRead(Delay::Fixed(millis(duration)))).on(Operation::DescribeSecret)
}

#[tokio::test]
async fn one_read_that_does_not_find_a_known_secret_is_not_believed() {
    for creates in [false, true] {
        let mut world = known(creates).await;
        world.server.fault(late(Duration::from_secs(7200)));
        world.turn(0).await;
        assert_eq!(world.server.faults_left(), 0, "it was late");
        assert!(world.accepts(0, TOKEN), "creates: {creates}");
        assert_eq!(world.parked(0), None, "creates: {creates}");
        world.run(SIX).await;
        assert!(world.accepts(0, TOKEN) && world.parked(0).is_none());
    }
}

#[tokio::test]
async fn what_is_gone_for_longer_than_a_read_can_be_late_is_believed() {
    let mut world = known(false).await;
    world.server.person().delete_by_force(NAME).expect("a deletion");
    world.turn(0).await;
    assert_eq!(world.parked(0), None);
    world.run(LAG + SIX).await;
    assert_eq!(world.parked(0).map(|(reason, _)| reason), Some(Reason::Missing));
    assert!(world.accepts(0, TOKEN), "bots may still hold it");
    let unknown = world.verdict(0, ANOTHER);
    assert!(matches!(unknown, Decision::Refused(_)), "it counts as read");
}

#[tokio::test]
async fn until_a_secret_that_is_gone_is_made_anew_what_was_known_ages_and_is_not_refused() {
    let mut world = known(true).await;
    world.excused = true;
    world.turn(0).await;
    world.server.person().delete_by_force(NAME).expect("a deletion");
    for _ in 0..millis(LAG + FRESHNESS * 2) / 1000 {
        world.turn(0).await;
        assert!(
            !matches!(world.verdict(0, TOKEN), Decision::Refused(_)),
            "nobody is refused for its absence"
        );
        if world.holder("AWSCURRENT").is_some() {
            break;
        }
        world.server.advance(Duration::from_secs(1));
    }
    world.run(SIX).await;
    let made = world.token(&world.holder("AWSCURRENT").expect("it was made anew"));
    assert!(world.accepts(0, &made) && !world.accepts(0, TOKEN), "it is another secret");
}

#[tokio::test]
async fn an_empty_secret_gets_its_first_value() {
    let mut world = World::empty().await;
    world.may_create();
    world.server.person().create_empty(NAME, FIRST).expect("a secret");
    world.add(0);
    world.run(SIX).await;
    let made = world.token(&world.holder("AWSCURRENT").expect("a first value"));
    assert!(world.accepts(0, &made));
    assert_eq!(
        world.labels().len(),
        1,
        "AWS puts AWSCURRENT there whatever was asked, and what was asked too"
    );
}

#[tokio::test]
async fn a_value_that_a_person_puts_into_an_empty_secret_meanwhile_stays() {
    let mut world = World::empty().await;
    world.may_create();
    world.server.person().create_empty(NAME, FIRST).expect("a secret");
    world.add(0);
    world.server.advance(Duration::from_secs(60));
    world.excused = true;
    world.server.person().put(NAME, THEIRS, TOKEN, &[]).expect("a put");
    world.server.advance(Duration::from_secs(1));
    world.server.fault(late(Duration::from_secs(2)));
    assert!(world.turn(0).await.is_some(), "it saw an empty secret");
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS), "and took nothing from the person");
    world.run(WRITE_LAG + SOAK + SIX).await;
    assert!(world.accepts(0, TOKEN) && world.parked(0).is_none());
    assert_eq!(world.holder("AWSPENDING"), None, "ours was taken back");
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS));
    world.settle().await;
}

/// The same version id, too: whoever makes secrets by a script may name them alike.
#[tokio::test]
async fn what_was_ended_in_a_secret_that_is_gone_says_nothing_of_the_one_that_was_made_again() {
    let mut world = known(false).await;
    let current = world.current();
    world.order(0, Request::Compromised { named: Some(current) }).await.expect("the marks");
    world.excused = true;
    world.server.person().delete_by_force(NAME).expect("a deletion");
    world.run(LAG + SIX).await;
    world.server.person().create(NAME, FIRST, ANOTHER).expect("a secret");
    world.run(SOAK * 2).await;
    let ring = world.replicas[0].last.clone().expect("it was read");
    assert_eq!((ring.current.id, ring.current.ended), (VersionId::of_name(FIRST), None));
    assert_eq!(world.notes(FIRST), ["kept"], "it was adopted anew");
    assert!(world.accepts(0, ANOTHER) && !world.accepts(0, TOKEN));
}
