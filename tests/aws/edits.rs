//! Every kind of edit by hand, between any two calls of a rotation.

#![expect(clippy::disallowed_methods, reason = "the long runs are asked for by the test command")]

use std::time::Duration;

use crossfade::rotation::plan::Request;
use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Rule},
    model::Operation,
};

use crate::world::{FIRST, NAME, World};

const THEIRS: &str = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";
const THEIR_TOKEN: &str = "another-token-that-they-have-made";

#[derive(Copy, Clone, Debug)]
enum Edit {
    /// A new value, current at once.
    Put,
    /// A candidate of their own.
    PutPending,
    /// AWSCURRENT goes to what was previous, or stays.
    RollBack,
    /// AWSCURRENT goes to our candidate before its time.
    PromoteEarly,
    /// Our candidate loses its label.
    TakePendingOff,
    /// A deadline of ours is taken off.
    TakeNoteOff,
    /// AWSPREVIOUS is taken off.
    TakePreviousOff,
    /// The secret is deleted, and restored.
    DeleteAndRestore,
    /// AWS's own rotation is on, and off again.
    NativeRotation,
}

const EDITS: [Edit; 9] = [
    Edit::Put,
    Edit::PutPending,
    Edit::RollBack,
    Edit::PromoteEarly,
    Edit::TakePendingOff,
    Edit::TakeNoteOff,
    Edit::TakePreviousOff,
    Edit::DeleteAndRestore,
    Edit::NativeRotation,
];

/// What a person does; what does not fit is refused by AWS, and changes nothing.
async fn edit(world: &mut World, edit: Edit) {
    let labels = world.labels();
    let (current, pending) = (labels.get("AWSCURRENT").cloned(), labels.get("AWSPENDING").cloned());
    let previous = labels.get("AWSPREVIOUS").cloned();
    let note = labels.iter().find(|(label, _)| label.starts_with("crossfade-until-"));
    let note = note.map(|(label, on)| (label.clone(), on.clone()));
    let server = world.server.fake();
    let person = server.person();
    let take = |label: &str, from: Option<String>| {
        drop(from.map(|from| person.label(NAME, label, None, Some(&from))));
    };
    match edit {
        Edit::Put => drop(person.put(NAME, THEIRS, THEIR_TOKEN, &[])),
        Edit::PutPending => drop(person.put(NAME, THEIRS, THEIR_TOKEN, &["AWSPENDING"])),
        Edit::RollBack => {
            drop(previous.map(|to| person.label(NAME, "AWSCURRENT", Some(&to), current.as_deref())))
        }
        Edit::PromoteEarly => {
            drop(pending.map(|to| person.label(NAME, "AWSCURRENT", Some(&to), current.as_deref())))
        }
        Edit::TakePendingOff => take("AWSPENDING", pending),
        Edit::TakePreviousOff => take("AWSPREVIOUS", previous),
        Edit::TakeNoteOff => {
            if let Some((label, on)) = note {
                take(&label, Some(on));
            }
        }
        Edit::DeleteAndRestore => {
            drop(person.delete(NAME));
            world.turn(0).await;
            drop(world.server.person().restore(NAME));
        }
        Edit::NativeRotation => {
            drop(person.set_rotation_enabled(NAME, true));
            world.turn(0).await;
            drop(world.server.person().set_rotation_enabled(NAME, false));
        }
    }
}

/// The edit comes after so many turns of a rotation; where `unseen`, between the next turn's read and its write.
async fn play(kind: Edit, turns: usize, unseen: bool) {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    for _ in 0..turns {
        while world.turn(0).await.is_none() && !world.is_quiet() {
            world.server.advance(Duration::from_secs(2));
            world.check("on the way");
        }
    }
    // Outside the promise for one soak: what a person does to the labels.
    (world.excused, world.excused_by_hand) = (true, true);
    edit(&mut world, kind).await;
    if unseen {
        world.server.advance(Duration::from_millis(1));
        let late = Effect::LateRead(Delay::Fixed(1));
        world.server.fault(Rule::once(late).on(Operation::DescribeSecret));
    }
    world.turn(0).await;
    world.server.clear_faults();
    world.run(Duration::from_secs(12)).await;
    let stuck = |world: &World| world.holder("AWSPENDING").as_deref() == Some(THEIRS);
    if stuck(&world) {
        world.run(Duration::from_secs(60)).await;
        assert!(stuck(&world), "theirs is not touched");
        world.server.person().label(NAME, "AWSPENDING", None, Some(THEIRS)).expect("a removal");
    }
    world.settle().await;
    // It goes on: what bots read is accepted, and the next rotation comes.
    let token = world.token(&world.holder("AWSCURRENT").expect("a current version"));
    assert!(world.accepts(0, &token), "{kind:?} after {turns} turns");
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let before = world.holder("AWSCURRENT");
    world.until("the next rotation", |labels| labels.get("AWSCURRENT") != before.as_ref()).await;
    assert_ne!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    world.settle().await;
}

#[tokio::test]
async fn every_kind_of_edit_between_any_two_calls_of_a_rotation_is_adopted_paused_or_waited_for() {
    let full = std::env::var_os("CROSSFADE_FULL").is_some();
    for (e, kind) in EDITS.into_iter().enumerate() {
        for turns in 0..7 {
            for unseen in [false, true] {
                if full || (e + turns + usize::from(unseen)).is_multiple_of(4) {
                    play(kind, turns, unseen).await;
                }
            }
        }
    }
}
