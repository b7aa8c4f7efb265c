//! `rotate --dry-run` on Secrets Manager: the whole plan, whatever state a person has left the secret in.

use crate::{
    aws::{Aws, FIRST, aws, replica},
    world::{SECRET, World, until},
};

const THEIRS: &str = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";

/// A replica whose store shows writes late, as AWS may: then some steps have to wait.
fn late_replica(aws: &Aws) -> World {
    let world = replica(aws, 0);
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("a config");
    let config = config.replace("store_lag: 0s, write_lag: 0s", "store_lag: 2s, write_lag: 5m");
    std::fs::write(world.path("config.yaml"), config).expect("a write");
    world
}

fn put(aws: &Aws, version: &str, labels: &[&str]) {
    let token = format!("a-token-that-they-made-{version}");
    aws.server.person().put(SECRET, version, &token, labels).expect("a put");
}

fn label(aws: &Aws, label: &str, to: Option<&str>, from: Option<&str>) {
    aws.server.person().label(SECRET, label, to, from).expect("a label");
}

fn current(aws: &Aws) -> String {
    aws.server.secret(SECRET).expect("the secret").labels()["AWSCURRENT"].clone()
}

/// What a person can have done before, and how.
type Case = (&'static str, fn(&Aws, &World));

const CASES: &[Case] = &[
    ("it was not adopted yet", |_, _| {}),
    ("it is adopted", |_, world| drop(world.ok(&["rotate", "--due"]))),
    ("a value was put by hand", |aws, _| put(aws, THEIRS, &[])),
    ("a value was put by hand after the adoption", |aws, world| {
        world.ok(&["rotate", "--due"]);
        put(aws, THEIRS, &[]);
    }),
    ("it was rolled back by hand", |aws, world| {
        world.ok(&["rotate", "--due"]);
        put(aws, THEIRS, &[]);
        label(aws, "AWSCURRENT", Some(FIRST), Some(THEIRS));
    }),
    ("a pending version stands", |_, world| drop(world.ok(&["rotate", SECRET]))),
    ("a value was put by hand while one was pending", |aws, world| {
        world.ok(&["rotate", SECRET]);
        put(aws, THEIRS, &[]);
    }),
    ("AWSPENDING was left on the current version", |aws, _| label(aws, "AWSPENDING", Some(FIRST), None)),
    ("it is paused", |_, world| drop(world.ok(&["pause", SECRET]))),
    ("it was paused before a value was put by hand", |aws, world| {
        world.ok(&["pause", SECRET]);
        put(aws, THEIRS, &[]);
    }),
    ("an old note was left over", |aws, _| {
        let old = format!("crossfade-until-{}-{}", aws.server.now_ms() / 1000 - 86_400, &FIRST[..8]);
        label(aws, &old, Some(FIRST), None);
    }),
];

#[test]
fn the_whole_plan_is_shown_in_whatever_state_the_secret_is_and_nothing_is_written() {
    for late in [false, true] {
        for (what, prepare) in CASES {
            let aws = aws();
            let world = if late { late_replica(&aws) } else { replica(&aws, 0) };
            prepare(&aws, &world);
            let before = aws.server.secret(SECRET);
            for more in [None, Some("--compromised")] {
                let mut order = vec!["rotate", SECRET, "--dry-run"];
                order.extend(more);
                let said = world.ok(&order);
                let told = format!("{what} (late: {late}), {more:?}:\n{said}");
                let replaced = current(&aws);
                let promoted = format!("becomes current, {replaced} previous");
                let promoted = said.find(&promoted).unwrap_or_else(|| panic!("no promotion: {told}"));
                let retired = said.find(&format!("retire: {replaced}"));
                assert!(retired.is_some_and(|retired| promoted < retired), "to the end: {told}");
                assert!(!said.contains(" pause:"), "nothing of it would be paused: {told}");
            }
            assert_eq!(aws.server.secret(SECRET), before, "{what}");
        }
    }
}

#[test]
fn what_would_be_refused_is_refused() {
    let cases: [Case; 2] = [
        ("AWSPENDING", |aws, _| put(aws, THEIRS, &["AWSPENDING"])),
        ("cancel-rotate-secret", |aws, _| {
            aws.server.person().set_rotation_enabled(SECRET, true).expect("an edit");
        }),
    ];
    for (why, prepare) in cases {
        let aws = aws();
        let world = replica(&aws, 0);
        prepare(&aws, &world);
        for order in [&["rotate", SECRET][..], &["rotate", SECRET, "--dry-run"]] {
            let said = world.fails(1, order);
            assert!(said.contains(why), "{order:?}: {said}");
        }
    }
}

#[test]
fn a_daemon_shows_the_plan_too_and_is_not_disturbed_by_it() {
    let aws = aws();
    let world = late_replica(&aws);
    let _daemon = world.start();
    put(&aws, THEIRS, &[]);
    let said = world.ok(&["rotate", SECRET, "--dry-run"]);
    assert!(said.contains(&format!("becomes current, {THEIRS} previous")), "{said}");
    assert_eq!(current(&aws), THEIRS);
    until("the daemon has seen it", || (world.current() == THEIRS).then_some(()));
    world.ok(&["rotate", SECRET, "--wait"]);
    assert_ne!(current(&aws), THEIRS);
}

#[test]
fn what_is_known_to_be_impossible_is_no_unknown() {
    let aws = crate::aws::empty();
    let world = crate::aws::replica(&aws, 0);
    let missing = world.fails(1, &["rotate", SECRET, "--dry-run"]);
    assert!(missing.contains("is missing") && missing.contains("create-secret"), "{missing}");
    aws.server.person().create(SECRET, crate::aws::FIRST, crate::aws::TOKEN).expect("a secret");
    aws.server.allow("AKIDREPLICA0", &[]);
    let denied = world.fails(1, &["rotate", SECRET, "--dry-run"]);
    assert!(denied.contains("DescribeSecret"), "{denied}");
}
