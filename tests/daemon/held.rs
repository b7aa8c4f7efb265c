//! What a running daemon holds, while somebody renames, removes, renews and edits what is on the disk.

use std::{
    fs,
    io::BufRead as _,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Stdio},
};

use crate::{
    process::{Daemon, call},
    world::{BOT, SECRET, World, until},
};

/// Whether the metric says that this has parted from what is on the disk.
fn drift(world: &World, what: &str) -> Option<u32> {
    let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics");
    let name = format!("crossfade_drift{{what=\"{what}\"}} ");
    scraped.body.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

pub(crate) fn parts(world: &World, what: &str) {
    until(&format!("{what} has parted"), || (drift(world, what) == Some(1)).then_some(()));
}

pub(crate) fn is_whole(world: &World, what: &str) {
    until(&format!("{what} is whole"), || (drift(world, what) == Some(0)).then_some(()));
}

fn readiness(world: &World) -> (u16, String) {
    let answer = call(world.metrics, "GET", "/readyz", &[], "").expect("an answer");
    (answer.status, answer.body)
}

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
fn status_says_that_the_config_on_disk_is_another_one_or_wrong() {
    let world = World::new("4s");
    let daemon = world.start();
    let path = world.path("config.yaml");
    let good = fs::read_to_string(&path).expect("the config");
    assert!(!world.ok(&["status"]).contains("config.yaml"));
    is_whole(&world, "config");
    fs::write(&path, good.replace("hold: 60s", "hold: 50s")).expect("a write");
    let said = world.ok(&["status"]);
    assert!(said.contains("differs from the one that runs: SIGHUP takes it"), "{said}");
    let said = world.run(&["status", "-o", "json"]);
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("differs from"),
        "beside what a program reads: {said:?}"
    );
    parts(&world, "config");
    reloads(&world, &daemon, "applied", 1);
    is_whole(&world, "config");
    for (wrong, why) in [
        (good.replace("sync: 300ms", "sync: soon"), "is wrong now, and this daemon runs the one before"),
        (good.replace("{kind: embedded}", "{kind: embedded, path: other}"), "`store` can't change"),
    ] {
        fs::write(&path, wrong).expect("a write");
        until(why, || daemon.log().contains(why).then_some(()));
    }
    fs::write(&path, good).expect("a write");
    parts(&world, "config");
    until("the log says so, once", || (daemon.log().matches("SIGHUP takes it").count() == 2).then_some(()));
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
fn an_order_into_a_database_that_was_moved_away_is_not_done_and_says_so() {
    let world = World::new("60s");
    let daemon = world.start();
    let data = |name: &str| world.path(&format!("data/{name}"));
    for (moved, copied) in [("crossfade.db", false), ("crossfade.db", true), ("crossfade.db-wal", false)] {
        fs::rename(data(moved), data("aside")).expect("it is moved");
        if copied {
            // As after a backup was put back: the same content, and another file.
            fs::copy(data("aside"), data(moved)).expect("a copy");
        }
        let current = world.status()["versions"][0]["version"].clone();
        if copied {
            let said = world.run(&["rotate", SECRET, "--compromised"]);
            assert_eq!(said.status.code(), Some(3), "it would be lost: {said:?}");
        }
        let (status, why) = readiness(&world);
        assert!(
            status == 503 && why.contains("is not the file that this process has open"),
            "{status} {why}"
        );
        parts(&world, "database");
        let said = String::from_utf8_lossy(&world.run(&["status"]).stdout).into_owned();
        assert!(said.contains("has open"), "{said}");
        fs::rename(data("aside"), data(moved)).expect("it is put back");
        until("it is ready again", || (readiness(&world).0 == 200).then_some(()));
        is_whole(&world, "database");
        assert_eq!(world.status()["versions"][0]["version"], current, "nothing was done meanwhile");
    }
    assert!(daemon.log().contains("database: as it is on the disk again"), "{}", daemon.log());
    world.ok(&["rotate", SECRET, "--wait"]);
}

#[test]
fn a_key_that_is_gone_or_another_one_is_told_before_a_restart_fails_for_it() {
    let world = World::new("60s");
    let _daemon = world.start();
    let key = world.path("data/key");
    let ours = fs::read(&key).expect("the key");
    for (what, change) in [("is gone", None), ("is another one now", Some([7; 32]))] {
        fs::remove_file(&key).expect("it goes");
        if let Some(other) = change {
            fs::write(&key, other).expect("a write");
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
        parts(&world, "key");
        assert!(world.ok(&["status"]).contains(what), "{what}");
        assert_eq!(readiness(&world).0, 200, "no order is lost by it");
        fs::write(&key, &ours).expect("a write");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
        is_whole(&world, "key");
    }
}

#[test]
fn a_pipe_in_a_file_s_place_is_waited_for_by_nobody() {
    let world = World::new("60s");
    let daemon = world.start();
    for (name, what) in [("config.yaml", "config"), ("data/key", "key")] {
        let path = world.path(name);
        fs::rename(&path, world.path("aside")).expect("it is moved");
        let made = std::process::Command::new("mkfifo").arg("-m600").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        parts(&world, what);
        if what == "config" {
            reloads(&world, &daemon, "rejected", 1);
        }
        assert_eq!(readiness(&world).0, 200, "{what}");
        fs::rename(world.path("aside"), &path).expect("it is put back");
        is_whole(&world, what);
    }
    world.ok(&["rotate", SECRET, "--wait"]);
}

#[test]
fn an_admin_socket_whose_name_was_removed_is_found_again() {
    let world = World::new("60s");
    let mut daemon = world.start();
    let socket = world.path("data/crossfade.sock");
    fs::remove_file(&socket).expect("it goes");
    until("it is made anew", || socket.exists().then_some(()));
    let found = world.run(&["status"]);
    assert!(found.stderr.is_empty(), "a command finds the daemon: {found:?}");
    assert!(daemon.log().contains("made anew"));
    // Where something else took its name, that is left alone, and said.
    fs::remove_file(&socket).expect("it goes");
    fs::write(&socket, "something else").expect("a write");
    parts(&world, "admin_socket");
    daemon.signal("-TERM");
    assert!(daemon.exit().success());
    assert_eq!(fs::read(&socket).expect("it is there"), b"something else");
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
    assert!(crate::process::send("-HUP", &pid));
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
