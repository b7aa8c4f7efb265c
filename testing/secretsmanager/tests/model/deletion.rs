//! Deleting and restoring.

use crossfade_testing_secretsmanager::model::{
    DeleteSecret, DescribeSecret, ListSecretVersionIds, ListSecrets, RestoreSecret, Service, Tag, TagResource,
};

use crate::{CURRENT, HOUR_MS, NAME, PENDING, World, code, create, put};

fn delete(days: Option<i64>, force: bool) -> DeleteSecret {
    DeleteSecret {
        secret_id: NAME.into(),
        recovery_window_in_days: days,
        force_delete_without_recovery: force.then_some(true),
    }
}

fn deleted() -> World {
    let mut world = World::rotating();
    world.service.delete_secret(&delete(None, false), world.now_ms).unwrap();
    world
}

#[test]
fn a_deleted_secret_refuses_reads_of_values_and_writes() {
    let mut world = deleted();
    let before = world.service.clone();
    let now_ms = world.now_ms;
    let tags = TagResource { secret_id: NAME.into(), tags: vec![Tag { key: "k".into(), value: "v".into() }] };
    for refused in [
        world.read(None, None).map(drop),
        world.read(Some(2), None).map(drop),
        world.put(4, &[PENDING]),
        world.put(2, &[]),
        world.label(CURRENT, Some(3), Some(2)),
        world.label(PENDING, None, Some(3)),
        world.service.tag_resource(&tags, now_ms),
        world.service.delete_secret(&delete(None, false), now_ms).map(drop),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code, "InvalidRequestException");
        assert!(error.message.contains("marked for deletion"));
    }
    assert_eq!(world.service, before);
}

#[test]
fn a_deleted_secret_can_be_described_and_its_versions_listed() {
    let world = deleted();
    let describe = DescribeSecret { secret_id: NAME.into() };
    let reply = world.service.describe_secret(&describe, world.now_ms).unwrap();
    assert_eq!(reply.deleted_date.unwrap().0, world.now_ms);
    assert_eq!(reply.version_ids_to_stages.len(), 3);
    let list = ListSecretVersionIds { secret_id: NAME.into(), ..ListSecretVersionIds::default() };
    world.service.list_secret_version_ids(&list, world.now_ms).unwrap();
}

#[test]
fn it_is_listed_only_on_request_and_its_name_is_not_free() {
    let mut world = deleted();
    let listed = |planned| {
        let request = ListSecrets { include_planned_deletion: Some(planned), ..ListSecrets::default() };
        world.service.list_secrets(&request, world.now_ms).unwrap().secret_list.len()
    };
    assert_eq!((listed(false), listed(true)), (0, 1));
    assert_eq!(code(world.service.create_secret(&create(), world.now_ms)), "InvalidRequestException");
}

#[test]
fn a_restored_secret_is_as_it_was() {
    let mut world = World::rotating();
    let before = world.service.clone();
    world.service.delete_secret(&delete(None, false), world.now_ms).unwrap();
    let restore = RestoreSecret { secret_id: NAME.into() };
    world.service.restore_secret(&restore, world.now_ms).unwrap();
    assert_eq!(world.service, before);
    world.service.restore_secret(&restore, world.now_ms).unwrap();
}

#[test]
fn it_is_gone_once_the_window_is_over() {
    for (window, days) in [(None, 30), (Some(7), 7), (Some(30), 30)] {
        let mut world = World::new();
        let start = world.now_ms;
        let reply = world.service.delete_secret(&delete(window, false), start).unwrap();
        assert_eq!(reply.deletion_date.0, start + days * 24 * HOUR_MS);
        let restore = RestoreSecret { secret_id: NAME.into() };
        for (at_ms, there) in [(reply.deletion_date.0 - 1, true), (reply.deletion_date.0, false)] {
            assert_eq!(world.service.clone().restore_secret(&restore, at_ms).is_ok(), there, "{days}");
            assert_eq!(world.service.clone().create_secret(&create(), at_ms).is_err(), there, "{days}");
        }
    }
}

#[test]
fn a_window_has_7_to_30_days_and_excludes_force() {
    let mut world = World::new();
    for (days, force) in [(6, false), (31, false), (-1, false), (7, true)] {
        let refused = world.service.delete_secret(&delete(Some(days), force), world.now_ms);
        assert_eq!(code(refused), "InvalidParameterException", "{days}, {force}");
    }
}

#[test]
fn deleted_by_force_and_made_again_it_has_a_new_arn_and_no_history() {
    let mut world = World::rotating();
    let arn = |world: &World| world.service.secret(NAME, world.now_ms).unwrap().arn().to_owned();
    let old = arn(&world);
    world.service.delete_secret(&delete(None, true), world.now_ms).unwrap();
    assert!(world.service.secret(NAME, world.now_ms).is_none());
    world.service.create_secret(&create(), world.now_ms).unwrap();
    let new = arn(&world);
    assert_ne!(old, new);
    assert_eq!(old[..old.len() - 6], new[..new.len() - 6]);
    assert!(world.service.secret(&old, world.now_ms).is_none(), "the old ARN means nothing now");
    assert_eq!(code(world.read(Some(2), None)), "ResourceNotFoundException");
    let mut put = put(2);
    put.secret_string = Some("another".into());
    world.service.put_secret_value(&put, world.now_ms).unwrap();
}

#[test]
fn the_same_run_gives_the_same_arns() {
    let world = |_| World::new().service;
    assert_eq!(world(1), world(2));
}

#[test]
fn force_is_no_error_where_there_is_nothing() {
    let mut service = Service::default();
    service.delete_secret(&delete(None, true), 0).unwrap();
    assert_eq!(code(service.delete_secret(&delete(None, false), 0)), "ResourceNotFoundException");
    assert_eq!(service.secret(NAME, 0), None);
    let mut world = deleted();
    world.service.delete_secret(&delete(None, true), world.now_ms).unwrap();
    assert!(world.service.secret(NAME, world.now_ms).is_none());
}
