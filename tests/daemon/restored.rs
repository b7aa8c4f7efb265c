//! A store that was put back from an older copy.

use std::fs;

use crate::world::{SECRET, World};

#[test]
fn ends_that_an_older_copy_takes_back_are_found_by_the_audit_log() {
    let world = World::new("10m");
    let verify = ["audit", "verify", "data/audit.jsonl", "--store"];
    let database = world.path("data/crossfade.db");
    let run = |orders: &[&[&str]]| {
        let mut daemon = world.start();
        orders.iter().for_each(|order| drop(world.ok(order)));
        daemon.signal("-TERM");
        assert!(daemon.exit().success());
    };
    run(&[&["rotate", SECRET, "--wait"]]);
    fs::copy(&database, world.path("copy")).expect("a copy");
    run(&[&["revoke", SECRET, "--previous", "--yes"], &["rotate", SECRET, "--compromised", "--wait"]]);
    let said = world.ok(&verify);
    assert!(said.contains("0 accepted by the store"), "{said}");
    fs::copy(world.path("copy"), &database).expect("a copy");
    let said = world.run(&verify);
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(told.contains("accepts it as current") && told.contains("accepts it as previous"), "{told}");
    assert!(told.contains("--compromised") && told.contains("revoke"), "what to do: {told}");
    assert!(
        world.ok(&["audit", "verify", "data/audit.jsonl"]).contains("the chain holds"),
        "which shows nothing of it"
    );
}

#[test]
fn an_end_of_all_versions_names_each_of_them_in_the_log() {
    let world = World::new("10m");
    let run = |orders: &[&[&str]]| {
        let mut daemon = world.start();
        orders.iter().for_each(|order| drop(world.ok(order)));
        daemon.signal("-TERM");
        assert!(daemon.exit().success());
    };
    run(&[]);
    let (database, first) = (world.path("data/crossfade.db"), world.current());
    fs::copy(&database, world.path("copy")).expect("a copy");
    run(&[&["rotate", SECRET, "--wait"], &["rotate", SECRET, "--compromised", "--wait"]]);
    fs::copy(world.path("copy"), &database).expect("a copy");
    let said = world.run(&["audit", "verify", "data/audit.jsonl", "--store"]);
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "it was previous when all were ended: {told}");
    assert!(told.contains(&format!("version {first} was ended")), "{told}");
}
