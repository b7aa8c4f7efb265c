//! The reads, and which secret a `SecretId` means.

use crossfade_testing_secretsmanager::model::{
    CreateSecret, DescribeSecret, GetSecretValue, ListSecretVersionIds, ListSecrets, Request, Service,
};

use crate::{CURRENT, NAME, PENDING, PREVIOUS, World, code, create, id, put, value};

fn list(world: &World, deprecated: bool) -> Vec<String> {
    let request = ListSecretVersionIds {
        secret_id: NAME.into(),
        include_deprecated: Some(deprecated),
        ..ListSecretVersionIds::default()
    };
    let reply = world.service.list_secret_version_ids(&request, world.now_ms).unwrap();
    reply.versions.into_iter().map(|version| version.version_id).collect()
}

#[test]
fn a_value_is_read_by_id_by_label_or_as_the_current_one() {
    let world = World::rotating();
    for (n, label, want) in [
        (None, None, 2),
        (None, Some(CURRENT), 2),
        (None, Some(PREVIOUS), 1),
        (None, Some(PENDING), 3),
        (Some(1), None, 1),
        (Some(3), Some(PENDING), 3),
    ] {
        assert_eq!(world.read(n, label).unwrap(), value(want), "{n:?}, {label:?}");
    }
    assert_eq!(code(world.read(Some(3), Some(CURRENT))), "InvalidRequestException");
}

#[test]
fn no_pending_version_and_no_such_secret_are_told_apart_by_the_message_only() {
    let world = World::new();
    let no_pending = world.read(None, Some(PENDING)).unwrap_err();
    let no_version = world.read(Some(9), None).unwrap_err();
    let request = GetSecretValue { secret_id: "none".into(), ..GetSecretValue::default() };
    let no_secret = world.service.get_secret_value(&request, world.now_ms).unwrap_err();
    for error in [&no_pending, &no_version, &no_secret] {
        assert_eq!((error.code, error.status), ("ResourceNotFoundException", 400));
    }
    let value = "Secrets Manager can't find the specified secret value for";
    assert_eq!(no_pending.message, format!("{value} staging label: AWSPENDING"));
    assert_eq!(no_version.message, format!("{value} VersionId: {}", id(9)));
    assert_eq!(no_secret.message, "Secrets Manager can't find the specified secret.");
}

#[test]
fn an_empty_secret_has_no_current_value() {
    assert_eq!(code(World::empty().read(None, None)), "ResourceNotFoundException");
}

#[test]
fn a_version_without_labels_is_readable_by_its_id_and_listed_on_request() {
    let mut world = World::rotating();
    world.put(4, &[]).unwrap();
    assert_eq!(world.read(Some(1), None).unwrap(), value(1));
    assert_eq!(list(&world, false), [id(2), id(3), id(4)]);
    assert_eq!(list(&world, true), [id(1), id(2), id(3), id(4)]);
}

#[test]
fn each_version_has_the_time_of_its_own_creation() {
    let mut world = World::new();
    let start = world.now_ms;
    world.now_ms += 1;
    world.put(2, &[PENDING]).unwrap();
    world.now_ms += 1000;
    world.label(CURRENT, Some(2), Some(1)).unwrap();
    let request = ListSecretVersionIds { secret_id: NAME.into(), ..ListSecretVersionIds::default() };
    let reply = world.service.list_secret_version_ids(&request, world.now_ms).unwrap();
    let created: Vec<u64> = reply.versions.iter().map(|version| version.created_date.0).collect();
    assert_eq!(created, [start, start + 1]);
}

#[test]
fn a_list_comes_in_pages() {
    let mut world = World::new();
    for n in 2..=5 {
        world.put(n, &[]).unwrap();
    }
    let mut request = ListSecretVersionIds {
        secret_id: NAME.into(),
        include_deprecated: Some(true),
        max_results: Some(2),
        next_token: None,
    };
    let mut pages = Vec::new();
    loop {
        let reply = world.service.list_secret_version_ids(&request, world.now_ms).unwrap();
        pages.push(reply.versions.len());
        request.next_token = reply.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    request.next_token = Some("none".into());
    assert_eq!(
        code(world.service.list_secret_version_ids(&request, world.now_ms)),
        "InvalidNextTokenException"
    );
    for (max_results, fits) in [(0, false), (1, true), (100, true), (101, false)] {
        let request =
            ListSecretVersionIds { max_results: Some(max_results), next_token: None, ..request.clone() };
        assert_eq!(
            world.service.list_secret_version_ids(&request, world.now_ms).is_ok(),
            fits,
            "{max_results}"
        );
    }
}

#[test]
fn a_description_shows_labelled_versions_and_what_a_service_manages() {
    let mut world = World::rotating();
    world.put(4, &[PENDING]).unwrap();
    let request = DescribeSecret { secret_id: NAME.into() };
    let plain = world.service.describe_secret(&request, world.now_ms).unwrap();
    let ids: Vec<&String> = plain.version_ids_to_stages.keys().collect();
    assert_eq!(ids, [&id(1), &id(2), &id(4)]);
    assert_eq!((plain.rotation_enabled, plain.owning_service, plain.deleted_date), (None, None, None));
    world.service.set_rotation_enabled(NAME, Some(true), world.now_ms).unwrap();
    world.service.set_owning_service(NAME, Some("rds"), world.now_ms).unwrap();
    let managed = world.service.describe_secret(&request, world.now_ms).unwrap();
    assert_eq!((managed.rotation_enabled, managed.owning_service.as_deref()), (Some(true), Some("rds")));
}

#[test]
fn a_secret_is_named_by_its_name_its_arn_or_its_arn_without_the_suffix() {
    let world = World::new();
    let arn = world.service.secret(NAME, world.now_ms).unwrap().arn().to_owned();
    let partial = &arn[..arn.len() - 7];
    assert!(partial.ends_with(NAME));
    for (id, found) in [
        (NAME, true),
        (arn.as_str(), true),
        (partial, true),
        (&arn[..arn.len() - 1], false),
        (&arn[..arn.len() - 6], false),
        (&NAME[1..], false),
        ("", false),
    ] {
        assert_eq!(world.service.secret(id, world.now_ms).is_some(), found, "{id}");
    }
}

#[test]
fn an_arn_without_the_suffix_of_a_name_that_ends_like_one_is_taken_for_a_whole_one() {
    for (name, found) in [("mcp/slack-search", false), ("mcp/slack-searches", true), ("mcp/slack", true)] {
        let mut world = World::new();
        let make = CreateSecret { name: name.into(), ..create() };
        world.service.create_secret(&make, world.now_ms).unwrap();
        let arn = world.service.secret(name, world.now_ms).unwrap().arn().to_owned();
        let partial = &arn[..arn.len() - 7];
        assert_eq!(world.service.secret(partial, world.now_ms).is_some(), found, "{partial}");
        assert!(
            world.service.secret(&arn, world.now_ms).is_some()
                && world.service.secret(name, world.now_ms).is_some()
        );
    }
}

#[test]
fn a_name_has_1_to_512_of_the_allowed_characters() {
    for (name, fits) in [
        (String::new(), false),
        ("a".into(), true),
        ("a".repeat(512), true),
        ("a".repeat(513), false),
        ("/_+=.@-".into(), true),
        ("a b".into(), false),
        ("ä".into(), false),
    ] {
        let request = CreateSecret { name, ..create() };
        let result = Service::default().create_secret(&request, 0);
        let want = (!fits).then_some("ValidationException");
        assert_eq!(result.map_err(|error| error.code).err(), want, "{}", request.name);
    }
}

#[test]
fn all_secrets_are_listed_by_name() {
    let mut world = World::new();
    let other = CreateSecret { name: "a/first".into(), ..create() };
    world.service.create_secret(&other, world.now_ms).unwrap();
    let reply = world.service.list_secrets(&ListSecrets::default(), world.now_ms).unwrap();
    let names: Vec<&str> = reply.secret_list.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["a/first", NAME]);
}

#[test]
fn nothing_that_prints_shows_a_value() {
    let mut world = World::rotating();
    world.service.put_secret_value(&put(4), world.now_ms).unwrap();
    let get = GetSecretValue { secret_id: NAME.into(), ..GetSecretValue::default() };
    let reply = world.service.get_secret_value(&get, world.now_ms).unwrap();
    let printed = format!("{:?} {:?} {:?} {reply:?}", world.service, put(4), Request::from(create()));
    assert!(!printed.contains("value 1") && !printed.contains("value 4"), "{printed}");
}
