//! `crossfade health`: alive or not, and nothing else.

use std::fs;

use crate::world::{World, until};

#[test]
fn health_is_0_while_the_daemon_lives_and_1_when_it_does_not() {
    let world = World::new("4s");
    let said = world.fails(1, &["health"]);
    assert!(
        said.contains(&format!("127.0.0.1:{}/healthz", world.metrics)) && said.contains("refused"),
        "{said}"
    );
    let mut daemon = world.start();
    assert!(world.ok(&["health"]).starts_with("alive: "));
    daemon.signal("-KILL");
    daemon.exit();
    world.fails(1, &["health"]);
}

#[test]
fn a_config_that_became_wrong_does_not_make_a_living_daemon_look_dead() {
    let world = World::new("4s");
    let _daemon = world.start();
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    fs::write(world.path("config.yaml"), format!("{config}nonsense: 1\n")).expect("a write");
    world.fails(2, &["check"]);
    world.ok(&["health"]);
}

#[test]
fn health_says_what_is_wrong_with_a_config_that_does_not_tell_where_to_ask() {
    let world = World::new("4s");
    fs::write(world.path("config.yaml"), "metrics_listen: nowhere\n").expect("a write");
    let said = world.fails(2, &["health"]);
    assert!(said.contains("config.yaml:1:17"), "{said}");
    fs::remove_file(world.path("config.yaml")).expect("it is gone");
    assert!(world.fails(2, &["health"]).contains("can't be opened"));
}

#[test]
fn a_parked_secret_is_no_reason_to_restart_the_daemon() {
    let world = World::new("4s");
    let _daemon = world.start();
    let store = rusqlite::Connection::open(world.path("data/crossfade.db")).expect("the store");
    store.execute("UPDATE versions SET created_ms = created_ms + 1", []).expect("an edit");
    until("the edited secret is parked", || (world.status()["phase"] == "parked").then_some(()));
    world.fails(1, &["status"]);
    world.ok(&["health"]);
}
