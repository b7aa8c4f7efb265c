//! `PutSecretValue` and `CreateSecret`.

use crossfade_testing_secretsmanager::model::{CreateSecret, PutSecretValue};

use crate::{CURRENT, NAME, PENDING, PREVIOUS, World, code, create, id, on, put, value};

#[test]
fn a_new_token_makes_a_version_with_that_id() {
    let mut world = World::new();
    let reply = world.service.put_secret_value(&put(2), world.now_ms).unwrap();
    assert_eq!((reply.version_id, reply.version_stages), (id(2), vec![CURRENT.to_owned()]));
    assert_eq!(world.read(Some(2), None).unwrap(), value(2));
}

#[test]
fn the_same_token_and_value_again_is_a_success_that_changes_nothing() {
    let mut world = World::rotating();
    let before = world.service.clone();
    world.now_ms += 1000;
    for (n, labels) in [(1, &[][..]), (2, &[]), (3, &[PENDING]), (3, &[]), (1, &[CURRENT, PENDING])] {
        world.put(n, labels).unwrap();
        assert_eq!(world.service, before, "version {n}, {labels:?}");
    }
}

#[test]
fn an_ignored_put_does_not_put_labels_back() {
    let mut world = World::rotating();
    world.label(PENDING, None, Some(3)).unwrap();
    world.put(3, &[PENDING]).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PREVIOUS, 1)]));
    let request = PutSecretValue { version_stages: Some(vec![PENDING.into()]), ..put(3) };
    let reply = world.service.put_secret_value(&request, world.now_ms).unwrap();
    assert!(reply.version_stages.is_empty());
}

#[test]
fn the_same_token_with_another_value_is_refused_whatever_the_version_bears() {
    let mut world = World::rotating();
    world.put(4, &["mine"]).unwrap();
    world.label("mine", None, Some(4)).unwrap();
    let before = world.service.clone();
    for (what, n) in [("previous", 1), ("current", 2), ("pending", 3), ("deprecated", 4)] {
        let text = PutSecretValue { secret_string: Some("another".into()), ..put(n) };
        let same_bytes = PutSecretValue {
            secret_string: None,
            secret_binary: Some(value(n).into_bytes().into()),
            ..put(n)
        };
        for request in [text, same_bytes] {
            let refused = world.service.put_secret_value(&request, world.now_ms);
            assert_eq!(code(refused), "ResourceExistsException", "{what}");
        }
    }
    assert_eq!(world.service, before);
}

#[test]
fn a_pending_version_leaves_current_alone() {
    let mut world = World::new();
    world.put(2, &[PENDING]).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 1), (PENDING, 2)]));
}

#[test]
fn a_named_label_is_silently_taken_from_whichever_version_had_it() {
    let mut world = World::rotating();
    world.put(4, &[PENDING, "mine"]).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PENDING, 4), (PREVIOUS, 1), ("mine", 4)]));
    assert_eq!(world.read(Some(3), None).unwrap(), value(3), "the loser stays readable by its id");
    world.put(5, &["mine"]).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 2), (PENDING, 4), (PREVIOUS, 1), ("mine", 5)]));
}

#[test]
fn without_labels_current_moves_and_previous_follows() {
    let mut world = World::rotating();
    world.put(4, &[]).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 4), (PENDING, 3), (PREVIOUS, 2)]));
}

#[test]
fn the_first_value_of_an_empty_secret_becomes_current_whatever_was_asked() {
    for (asked, want) in [
        (&[][..], on(&[(CURRENT, 1)])),
        (&[PENDING], on(&[(CURRENT, 1), (PENDING, 1)])),
        (&["mine"], on(&[(CURRENT, 1), ("mine", 1)])),
        (&[CURRENT], on(&[(CURRENT, 1)])),
    ] {
        let mut world = World::empty();
        assert_eq!(world.labels(), on(&[]));
        world.put(1, asked).unwrap();
        assert_eq!(world.labels(), want, "{asked:?}");
    }
}

#[test]
fn a_put_needs_a_token_and_one_value() {
    let mut world = World::new();
    let now_ms = world.now_ms;
    for (what, request, want) in [
        ("no token", PutSecretValue { client_request_token: None, ..put(2) }, "InvalidRequestException"),
        ("no value", PutSecretValue { secret_string: None, ..put(2) }, "InvalidRequestException"),
        (
            "two values",
            PutSecretValue { secret_binary: Some(vec![1].into()), ..put(2) },
            "InvalidParameterException",
        ),
        ("no labels", PutSecretValue { version_stages: Some(vec![]), ..put(2) }, "InvalidParameterException"),
        ("no secret", PutSecretValue { secret_id: "other".into(), ..put(2) }, "ResourceNotFoundException"),
    ] {
        assert_eq!(code(world.service.put_secret_value(&request, now_ms)), want, "{what}");
    }
    assert_eq!(world.labels(), on(&[(CURRENT, 1)]));
}

#[test]
fn a_value_may_be_bytes() {
    let mut world = World::new();
    let request = PutSecretValue { secret_string: None, secret_binary: Some(vec![0, 255].into()), ..put(2) };
    world.service.put_secret_value(&request, world.now_ms).unwrap();
    let get = crossfade_testing_secretsmanager::model::GetSecretValue {
        secret_id: NAME.into(),
        ..Default::default()
    };
    let reply = world.service.get_secret_value(&get, world.now_ms).unwrap();
    assert_eq!(reply.secret_binary.unwrap().expose(), [0, 255]);
    assert_eq!(reply.secret_string, None);
}

#[test]
fn the_last_change_is_that_of_a_put_but_not_of_an_ignored_one() {
    let mut world = World::new();
    let start = world.now_ms;
    world.now_ms += 1000;
    world.put(1, &[]).unwrap();
    assert_eq!(world.changed_ms(), start);
    world.put(2, &[PENDING]).unwrap();
    assert_eq!(world.changed_ms(), start + 1000);
}

#[test]
fn a_name_is_taken_once_and_the_same_creation_again_is_ignored() {
    let mut world = World::new();
    let (before, now_ms) = (world.service.clone(), world.now_ms + 1);
    let again = world.service.create_secret(&create(), now_ms).unwrap();
    assert_eq!(again.version_id, Some(id(1)));
    for (what, request) in [
        ("another value", CreateSecret { secret_string: Some("another".into()), ..create() }),
        ("another token", CreateSecret { client_request_token: Some(id(2)), ..create() }),
        ("no value", CreateSecret { secret_string: None, ..create() }),
    ] {
        let refused = world.service.create_secret(&request, now_ms);
        assert_eq!(code(refused), "ResourceExistsException", "{what}");
    }
    assert_eq!(world.service, before);
}

#[test]
fn a_version_that_native_rotation_left_empty_is_not_found_until_a_value_is_put_there() {
    let mut world = World::new();
    world.service.leave_empty_pending(NAME, &id(2), world.now_ms).unwrap();
    assert_eq!(world.labels(), on(&[(CURRENT, 1), (PENDING, 2)]));
    assert_eq!(code(world.read(Some(2), None)), "ResourceNotFoundException");
    assert_eq!(code(world.read(None, Some(PENDING))), "ResourceNotFoundException");
    world.put(2, &[PENDING]).unwrap();
    assert_eq!(world.read(Some(2), None).unwrap(), value(2));
    assert_eq!(world.labels(), on(&[(CURRENT, 1), (PENDING, 2)]));
}
