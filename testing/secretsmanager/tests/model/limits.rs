//! Quotas and forms, each on both sides of its boundary.

use crossfade_testing_secretsmanager::model::{
    CreateSecret, GetSecretValue, PutSecretValue, Tag, TagResource, UntagResource,
};

use crate::{CURRENT, HOUR_MS, NAME, PENDING, PREVIOUS, World, code, create, id, put};

const INVALID: &str = "InvalidParameterException";
const LIMIT: &str = "LimitExceededException";

#[test]
fn a_token_has_between_32_and_64_characters() {
    for (length, fits) in [(31, false), (32, true), (64, true), (65, false)] {
        let mut world = World::new();
        let token = "t".repeat(length);
        let request = PutSecretValue { client_request_token: Some(token.clone()), ..put(2) };
        let result = world.service.put_secret_value(&request, world.now_ms);
        assert_eq!(result.map_err(|error| error.code).err(), (!fits).then_some(INVALID), "{length}");
        let get = GetSecretValue { secret_id: NAME.into(), version_id: Some(token), version_stage: None };
        let result = world.service.get_secret_value(&get, world.now_ms);
        assert_eq!(result.map_err(|error| error.code).err(), (!fits).then_some(INVALID), "{length}");
    }
}

#[test]
fn a_label_has_between_1_and_256_characters() {
    for (length, fits) in [(0, false), (1, true), (256, true), (257, false)] {
        let mut world = World::new();
        let label = "ü".repeat(length);
        assert_eq!(world.label(&label, Some(1), None).is_ok(), fits, "{length}");
        assert_eq!(world.put(2, &[&label]).is_ok(), fits, "{length}");
    }
    assert_eq!(code(World::new().label("", Some(1), None)), INVALID);
}

#[test]
fn a_value_has_between_1_and_65536_bytes() {
    for (length, fits) in [(0, false), (1, true), (65_536, true), (65_537, false)] {
        let text = PutSecretValue { secret_string: Some("x".repeat(length).as_str().into()), ..put(2) };
        let bytes =
            PutSecretValue { secret_string: None, secret_binary: Some(vec![0; length].into()), ..put(2) };
        for request in [text, bytes] {
            let mut world = World::new();
            let result = world.service.put_secret_value(&request, world.now_ms);
            assert_eq!(result.map_err(|error| error.code).err(), (!fits).then_some(INVALID), "{length}");
        }
    }
}

#[test]
fn twenty_labels_can_stand_on_all_versions_together() {
    let mut world = World::rotating();
    for n in 4..=20 {
        world.label(&format!("label {n}"), Some(n % 3 + 1), None).unwrap();
    }
    assert_eq!(world.labels().len(), 20);
    let before = world.service.clone();
    assert_eq!(code(world.label("one more", Some(1), None)), LIMIT);
    assert_eq!(code(world.put(4, &["one more"])), LIMIT);
    assert_eq!(world.service, before, "the version of the refused put isn't there either");
    world.label(CURRENT, Some(3), Some(2)).unwrap();
    world.put(4, &[PENDING]).unwrap();
    world.label("label 20", None, Some(3)).unwrap();
    world.label("one more", Some(1), None).unwrap();
}

#[test]
fn previous_which_comes_by_itself_counts_as_a_label() {
    let mut world = World::new();
    for n in 2..=20 {
        world.label(&format!("label {n}"), Some(1), None).unwrap();
    }
    assert_eq!(code(world.put(2, &[])), LIMIT);
    world.label("label 2", None, Some(1)).unwrap();
    world.put(2, &[]).unwrap();
    assert_eq!(world.labels()[PREVIOUS], id(1));
}

#[test]
fn a_secret_has_a_hundred_versions_and_none_goes_before_it_is_24_hours_old() {
    let mut world = World::new();
    for n in 2..=100 {
        world.now_ms += 1;
        world.put(n, &[]).unwrap();
    }
    let start = world.now_ms - 99;
    let before = world.service.clone();
    for (what, now_ms, fits) in [
        ("the oldest a millisecond too young", start + 24 * HOUR_MS - 1, false),
        ("the oldest 24 h old", start + 24 * HOUR_MS, true),
    ] {
        world.service = before.clone();
        world.now_ms = now_ms;
        let result = world.put(101, &[PENDING]);
        assert_eq!(result.map_err(|error| error.code).err(), (!fits).then_some(LIMIT), "{what}");
    }
    assert_eq!(code(world.read(Some(1), None)), "ResourceNotFoundException", "it had to go");
    world.read(Some(2), None).unwrap();
    assert_eq!(code(world.put(102, &[PENDING])), LIMIT, "the next one is a millisecond too young");
    world.now_ms += 1;
    world.put(102, &[PENDING]).unwrap();
}

#[test]
fn a_labelled_version_never_goes_and_an_old_one_stays_while_there_is_room() {
    let mut world = World::new();
    world.put(2, &[]).unwrap();
    world.put(3, &[]).unwrap();
    world.label("mine", Some(2), Some(2)).unwrap_err();
    world.label("mine", Some(2), None).unwrap();
    world.now_ms += 1000 * 24 * HOUR_MS;
    for n in 4..=100 {
        world.put(n, &[PENDING]).unwrap();
    }
    world.read(Some(1), None).unwrap();
    world.put(101, &[PENDING]).unwrap();
    assert_eq!(code(world.read(Some(1), None)), "ResourceNotFoundException");
    assert_eq!(code(world.put(102, &[PENDING])), LIMIT, "what is left is labelled or young");
    world.read(Some(2), None).unwrap();
    world.read(Some(3), None).unwrap();
}

#[test]
fn a_secret_has_fifty_tags() {
    let mut world = World::new();
    let tags = |count: u32| {
        (1..=count).map(|n| Tag { key: format!("key {n}"), value: "x".into() }).collect::<Vec<_>>()
    };
    let tag = |tags| TagResource { secret_id: NAME.into(), tags };
    let now_ms = world.now_ms;
    assert_eq!(code(world.service.tag_resource(&tag(tags(51)), now_ms)), LIMIT);
    world.service.tag_resource(&tag(tags(50)), now_ms).unwrap();
    world.service.tag_resource(&tag(tags(50)), now_ms).unwrap();
    let untag = UntagResource { secret_id: NAME.into(), tag_keys: vec!["key 1".into(), "none".into()] };
    let more = tag(vec![Tag { key: "one more".into(), value: String::new() }]);
    assert_eq!(code(world.service.tag_resource(&more, now_ms)), LIMIT);
    world.service.untag_resource(&untag, now_ms).unwrap();
    world.service.tag_resource(&more, now_ms).unwrap();
}

#[test]
fn a_tag_has_a_key_of_128_and_a_value_of_256_characters() {
    for (key, value, fits) in
        [(0, 0, false), (1, 0, true), (128, 256, true), (129, 0, false), (1, 257, false)]
    {
        let tag = Tag { key: "k".repeat(key), value: "v".repeat(value) };
        let create = CreateSecret { tags: vec![tag], ..create() };
        let result = crossfade_testing_secretsmanager::model::Service::default().create_secret(&create, 0);
        assert_eq!(result.map_err(|error| error.code).err(), (!fits).then_some(INVALID), "{key}, {value}");
    }
}
