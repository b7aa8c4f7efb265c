//! What a running daemon holds, while somebody renames, removes, renews and edits what is on the disk.

use std::{
    fs,
    io::BufRead as _,
    process::{Child, Stdio},
};

use crate::{
    process::call,
    world::{SECRET, World, until},
};

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
