//! Crashes, and many hands at once.

use std::{collections::BTreeSet, thread, time::Duration};

use crate::world::{SECRET, World, until};

#[test]
fn a_daemon_and_ten_commands_at_once_make_one_rotation() {
    let world = World::new("30s");
    let _daemon = world.start();
    let before = world.current();
    // Half of them find no daemon, and work on the store.
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("the config");
    std::fs::write(world.path("direct.yaml"), format!("admin_socket: ./nobody.sock\n{config}"))
        .expect("a write");
    thread::scope(|scope| {
        for n in 0..10 {
            let config = if n % 2 == 0 { "config.yaml" } else { "direct.yaml" };
            let world = &world;
            let before = &before;
            scope
                .spawn(move || world.ok(&["rotate", SECRET, "-c", config, "--if-current", before, "--wait"]));
        }
    });
    until("the promotion", || (world.current() != before).then_some(()));
    let versions = world.status()["versions"].as_array().map_or(0, Vec::len);
    assert_eq!(versions, 2, "one new version: {}", world.status());
}

#[test]
fn a_daemon_that_is_killed_at_any_moment_finishes_when_it_is_back() {
    let full = std::env::var_os("CROSSFADE_FULL").is_some();
    let kills = if full { 100 } else { 8 };
    let world = World::new("30s");
    let mut daemon = world.start();
    let mut tokens = vec![world.token()];
    let mut ended = BTreeSet::new();
    for n in 0..kills {
        let compromised = n % 4 == 3;
        let mut order = vec!["rotate", SECRET];
        if compromised {
            order.push("--compromised");
        }
        let before = world.current();
        let old = world.token();
        let output = world.run(&order);
        thread::sleep(Duration::from_millis(n * 137 % 1_300));
        daemon.signal("-KILL");
        daemon.exit();
        daemon = world.start();
        if output.status.success() {
            until("the rotation's end", || (world.current() != before).then_some(()));
        }
        if compromised {
            until("the marked token's end", || world.stage(&old).is_none().then_some(()));
            ended.extend(tokens.drain(..));
        }
        let token = world.token();
        assert_eq!(world.stage(&token).as_deref(), Some("current"));
        if !tokens.contains(&token) {
            tokens.push(token);
        }
        for dead in &ended {
            assert_eq!(world.stage(dead), None, "an ended token came back");
        }
        let pending = world.status()["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|v| v["stage"] == "pending")
            .count();
        assert_eq!(pending, 0, "an orphan: {}", world.status());
    }
}
