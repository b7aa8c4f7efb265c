//! `UpdateSecretVersionStage`: a compare-and-swap of one label.

use crate::{CURRENT, PENDING, PREVIOUS, World, code, id, on};

#[test]
fn a_free_label_is_attached_without_naming_a_holder() {
    let mut world = World::rotating();
    world.label("mine", Some(1), None).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PENDING, 3), (PREVIOUS, 1), ("mine", 1)]));
}

#[test]
fn a_label_moves_only_where_its_holder_is_named_and_matches() {
    for label in [CURRENT, PENDING, PREVIOUS, "mine"] {
        let mut world = World::rotating();
        world.put(4, &["other"]).unwrap();
        world.label("mine", Some(1), None).unwrap();
        let holder = world.labels()[label].clone();
        let before = world.service.clone();
        for from in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
            if from.map(id) == Some(holder.clone()) {
                continue;
            }
            let refused = world.label(label, Some(4), from);
            assert_eq!(code(refused), "InvalidParameterException", "{label} from {from:?}");
            assert_eq!(world.service, before);
        }
        let from = (1..=3).find(|n| id(*n) == holder);
        world.label(label, Some(4), from).unwrap();
        assert_eq!(world.labels()[label], id(4), "{label}");
    }
}

#[test]
fn the_retry_of_a_move_that_was_carried_out_is_refused() {
    let mut world = World::rotating();
    world.label(CURRENT, Some(3), Some(2)).unwrap();
    let before = world.service.clone();
    assert_eq!(code(world.label(CURRENT, Some(3), Some(2))), "InvalidParameterException");
    assert_eq!(world.service, before);
}

#[test]
fn moving_current_moves_previous_to_the_loser_and_leaves_pending_on_the_promoted_version() {
    let mut world = World::rotating();
    world.label(CURRENT, Some(3), Some(2)).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 3), (PENDING, 3), (PREVIOUS, 2)]));
}

#[test]
fn moving_current_back_swaps_it_with_previous() {
    let mut world = World::rotating();
    world.label(CURRENT, Some(1), Some(2)).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 1), (PENDING, 3), (PREVIOUS, 2)]));
}

#[test]
fn moving_another_label_moves_nothing_else() {
    let mut world = World::rotating();
    world.label(PENDING, Some(2), Some(3)).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PENDING, 2), (PREVIOUS, 1)]));
    world.label(PREVIOUS, Some(3), Some(1)).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PENDING, 2), (PREVIOUS, 3)]));
}

#[test]
fn a_label_is_removed_only_from_the_version_that_bears_it() {
    for label in [PENDING, PREVIOUS, "unknown"] {
        let mut world = World::rotating();
        let before = world.service.clone();
        let holder = world.labels().get(label).cloned();
        for n in (1..=4).filter(|n| holder != Some(id(*n))) {
            assert_eq!(code(world.label(label, None, Some(n))), "InvalidParameterException", "{label}, {n}");
        }
        assert_eq!(world.service, before);
        if let Some(n) = (1..=3).find(|n| holder == Some(id(*n))) {
            world.label(label, None, Some(n)).unwrap();
            assert!(!world.labels().contains_key(label));
        }
    }
}

#[test]
fn current_can_not_be_removed_only_moved() {
    let mut world = World::rotating();
    let before = world.service.clone();
    for n in 1..=3 {
        assert_eq!(code(world.label(CURRENT, None, Some(n))), "InvalidParameterException");
    }
    assert_eq!(world.service, before);
    world.label(CURRENT, Some(3), Some(2)).unwrap();
}

#[test]
fn a_label_that_is_there_already_is_a_success_that_changes_nothing() {
    let mut world = World::rotating();
    let before = world.service.clone();
    world.now_ms += 1000;
    world.label(PENDING, Some(3), None).unwrap();
    world.label(CURRENT, Some(2), Some(2)).unwrap();
    assert_eq!(world.service, before);
}

#[test]
fn a_version_has_to_be_named_and_to_exist() {
    let mut world = World::rotating();
    assert_eq!(code(world.label("mine", None, None)), "InvalidParameterException");
    assert_eq!(code(world.label("mine", Some(9), None)), "ResourceNotFoundException");
    assert_eq!(code(world.label(CURRENT, Some(9), Some(2))), "ResourceNotFoundException");
}

#[test]
fn a_label_brings_a_deprecated_version_back() {
    let mut world = World::rotating();
    world.label(PENDING, None, Some(3)).unwrap();
    world.label("mine", Some(3), None).unwrap();
    assert_eq!(world.labels()["mine"], id(3));
}

#[test]
fn the_last_change_is_that_of_a_label() {
    let mut world = World::rotating();
    for (label, to, from) in [("mine", Some(1), None), (CURRENT, Some(3), Some(2)), (PENDING, None, Some(3))]
    {
        world.now_ms += 1000;
        world.label(label, to, from).unwrap();
        assert_eq!(world.changed_ms(), world.now_ms, "{label}");
    }
}
