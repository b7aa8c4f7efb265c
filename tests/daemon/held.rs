//! What a running daemon holds, while somebody renames, removes, renews and edits what is on the disk.

use std::{
    fs,
    io::BufRead as _,
    process::{Child, Stdio},
};

use crate::{
    process::{Daemon, call},
    world::{BOT, SECRET, World, until},
};

fn reloads(world: &World, daemon: &Daemon, outcome: &str, times: u32) {
    daemon.signal("-HUP");
    until("it was read again", || {
        let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics");
        let line = format!("crossfade_config_reloads_total{{outcome=\"{outcome}\"}} {times}");
        scraped.body.lines().any(|found| found == line).then_some(())
    });
}

fn a_bot_gets(world: &World) -> u16 {
    let (path, bearer) = (format!("/v1/token?secret={SECRET}"), format!("Bearer {BOT}"));
    call(world.listen, "GET", &path, &[("Authorization", &bearer)], "").expect("an answer").status
}

#[test]
fn a_config_that_was_cut_off_ends_no_client_and_no_secret_unless_it_says_so_itself() {
    let world = World::new("4s");
    let daemon = world.start();
    let path = world.path("config.yaml");
    let good = fs::read_to_string(&path).expect("the config");
    let (before_clients, _) = good.split_once("clients:").expect("clients");
    let (before_secrets, _) = good.split_once("secrets:").expect("secrets");
    for (n, (cut, key)) in
        [(before_clients, "`clients"), (before_secrets, "`secrets")].into_iter().enumerate()
    {
        fs::write(&path, cut).expect("a write");
        reloads(&world, &daemon, "rejected", u32::try_from(n).expect("few") + 1);
        assert_eq!(a_bot_gets(&world), 200, "{key}");
        assert!(daemon.log().contains(&format!("no {key}` any more")), "{}", daemon.log());
    }
    fs::write(&path, format!("{before_clients}clients: []\n")).expect("a write");
    reloads(&world, &daemon, "applied", 1);
    assert_eq!(a_bot_gets(&world), 401, "the file itself says so");
    fs::write(&path, format!("{before_secrets}secrets: []\nclients: []\n")).expect("a write");
    reloads(&world, &daemon, "applied", 2);
}

#[test]
fn a_reader_of_the_log_that_stops_reading_holds_nothing_up() {
    let world = World::new("60s");
    let mut command = world.command("serve");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = Killed(command.spawn().expect("it starts"));
    until("it is ready", || call(world.metrics, "GET", "/readyz", &[], "").ok().filter(|a| a.status == 200));
    // More mistakes than a pipe holds, in a log that nobody reads.
    let good = fs::read_to_string(world.path("config.yaml")).expect("the config");
    let wrong: String = (0..2_000).map(|n| format!("unknown_key_number_{n}: 1\n")).collect();
    fs::write(world.path("config.yaml"), good.clone() + &wrong).expect("a write");
    let pid = daemon.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
    until("it is read again", || {
        let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
        scraped.contains("crossfade_config_reloads_total{outcome=\"rejected\"} 1").then_some(())
    });
    fs::write(world.path("config.yaml"), good).expect("a write");
    for order in [&["rotate", SECRET, "--wait"][..], &["revoke", SECRET, "--previous", "--yes"]] {
        world.ok(order);
    }
    assert_eq!(world.stage(&world.token()).as_deref(), Some("current"));
    // Read again, it goes on where it was.
    let mut stderr = std::io::BufReader::new(daemon.0.stderr.take().expect("a pipe")).lines();
    assert!(stderr.any(|line| line.is_ok_and(|line| line.contains("unknown_key_number_1999"))));
}

/// Ends with its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
