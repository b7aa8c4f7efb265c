//! Commands before the daemon's first start: they tell what will be, and make nothing.

use std::io::Write as _;

use crate::world::{AUDIENCE, SECRET, World};

fn world(schedule: &str) -> World {
    World::with_secrets(&format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 4s{schedule}}}\n"
    ))
}

#[test]
fn status_says_the_schedule_before_the_first_start() {
    for (schedule, shown) in [
        (", every: 12h", "every 12h"),
        (", every: 90m", "every 90m"),
        (", schedule: 0 3 * * *", "0 3 * * *"),
        (", schedule: 0 3 * * *, timezone: Asia/Tokyo", "0 3 * * * Asia/Tokyo"),
        ("", "by hand"),
    ] {
        let world = world(schedule);
        let said = world.ok(&["status"]);
        assert!(said.lines().any(|line| line.contains(SECRET) && line.trim_end().ends_with(shown)), "{said}");
        assert!(said.contains("there is no store in") && said.contains("first start"), "{said}");
        let json = world.status();
        assert_eq!(json["schedule"].as_str(), Some(shown).filter(|shown| *shown != "by hand"), "{json}");
        assert!(!world.path("data").exists());
    }
}

#[test]
fn whoever_only_looks_makes_no_store() {
    let world = world(", every: 12h");
    for command in [
        &["status"][..],
        &["status", SECRET, "-o", "json"],
        &["token", SECRET],
        &["exec", SECRET, "--env", "T", "--", "true"],
        &["rotate", SECRET, "--dry-run"],
        &["rotate", SECRET],
        &["pause", SECRET],
        &["resume", SECRET],
        &["abort", SECRET],
        &["revoke", SECRET, "--previous", "--yes"],
        &["check"],
        &["check", "--live"],
    ] {
        let output = world.run(command);
        assert!(!world.path("data").exists(), "{command:?} makes a folder");
        let looks = command[0] == "status" || command[0] == "check";
        assert_eq!(output.status.success(), looks, "{command:?}: {output:?}");
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let tells = said.contains("there is no store in") || said.contains("at the first start");
        assert!(tells || ["check", "abort"].contains(&command[0]), "{command:?}: {said}");
    }
    let mut verify = world.command("verify");
    verify.args(["--audience", AUDIENCE]).stdin(std::process::Stdio::piped());
    let mut verify = verify
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    // It may have ended before it reads.
    let _ = verify.stdin.take().expect("stdin").write_all(b"a-token-of-somebody");
    assert_eq!(verify.wait().expect("an end").code(), Some(3), "not no, but: not known");
    assert!(!world.path("data").exists());
}

#[test]
fn what_makes_the_store_makes_it() {
    let world = world(", every: 12h");
    world.ok(&["rotate", "--due"]);
    assert!(world.path("data/crossfade.db").exists());
    let said = world.ok(&["status"]);
    assert!(said.contains(" in 11 h 59 min") || said.contains(" in 12 h"), "{said}");
}

#[test]
fn an_empty_folder_of_the_service_manager_s_is_no_store_either() {
    let world = world(", every: 12h");
    std::fs::create_dir(world.path("data")).expect("a folder");
    assert!(world.ok(&["status"]).contains("every 12h"));
    world.ok(&["check", "--live"]);
    assert_eq!(std::fs::read_dir(world.path("data")).expect("a folder").count(), 0);
}
