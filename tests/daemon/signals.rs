//! Signals, and a config that is read again.

use crate::{
    process::call,
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

#[test]
fn sigterm_ends_it_well_and_leaves_no_socket() {
    let world = World::new("4s");
    let mut daemon = world.start();
    assert!(world.path("data/crossfade.sock").exists());
    daemon.signal("-TERM");
    assert!(daemon.exit().success());
    assert!(!world.path("data/crossfade.sock").exists());
}

#[test]
fn a_second_daemon_on_the_same_sockets_does_not_start() {
    let world = World::new("4s");
    let _daemon = world.start();
    let said = world.fails(1, &["serve"]);
    assert!(said.contains("`listen`"), "{said}");
    assert!(world.ok(&["status"]).contains(SECRET), "the first one goes on");
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_taken_over() {
    let world = World::new("4s");
    let mut daemon = world.start();
    daemon.signal("-KILL");
    daemon.exit();
    assert!(world.path("data/crossfade.sock").exists());
    let _daemon = world.start();
    assert!(world.ok(&["status"]).contains(SECRET));
}

#[test]
fn sighup_takes_a_good_config_and_keeps_out_a_wrong_one() {
    let world = World::new("4s");
    let daemon = world.start();
    let reloads = |outcome: &str| {
        let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics");
        let line = format!("crossfade_config_reloads_total{{outcome=\"{outcome}\"}} 1");
        scraped.body.lines().any(|found| found == line).then_some(())
    };
    let good = std::fs::read_to_string(world.path("config.yaml")).expect("the config");

    std::fs::write(world.path("config.yaml"), "listen: nowhere\n").expect("a write");
    daemon.signal("-HUP");
    until("the wrong config is counted", || reloads("rejected"));
    assert!(world.introspect("a-token-that-nobody-knows").status == 200, "it goes on");

    let more = good.replace(
        "secrets:\n",
        &format!("secrets:\n  - {{name: new, client_id: b, audience: \"{AUDIENCE}\"}}\n"),
    );
    let without_bot: String = more.split("  - {id: slack-bot-host").next().unwrap_or_default().to_owned();
    std::fs::write(world.path("config.yaml"), without_bot).expect("a write");
    let token = format!("/v1/token?secret={SECRET}");
    let bearer = format!("Bearer {BOT}");
    let ask =
        || call(world.listen, "GET", &token, &[("Authorization", &bearer)], "").expect("an answer").status;
    assert_eq!(ask(), 200);
    daemon.signal("-HUP");
    until("the new config is counted", || reloads("applied"));
    assert_eq!(ask(), 401, "a removed client is refused at once");
    until("the new secret has a version", || world.ok(&["status"]).contains("new").then_some(()));
    assert!(daemon.log().contains("slack-bot-host is refused"), "{}", daemon.log());
}

#[test]
fn a_config_with_mistakes_starts_nothing() {
    let world = World::new("4s");
    std::fs::write(world.path("config.yaml"), "listen: nowhere\nstore: {kind: embedded}\nfreshness: 0s\n")
        .expect("a write");
    let said = world.fails(2, &["serve"]);
    assert!(said.contains("2 mistakes") || said.contains("3 mistakes"), "{said}");
    assert!(said.contains("config.yaml:1:9"), "{said}");
    assert!(!world.path("data").exists());
}

#[test]
fn health_and_readiness_are_served_without_a_credential() {
    let world = World::new("4s");
    let _daemon = world.start();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(call(world.metrics, "GET", path, &[], "").expect("an answer").status, 200, "{path}");
    }
    let text = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
    assert!(!text.contains(VERIFIER) && text.contains("crossfade_build_info"));
}
