//! A store whose clock is not the wall clock: what others are told is on the wall clock all the same.
//!
//! The store is made on a wall clock that is off. Where the boot clock itself is shifted, that is by a time namespace, which
//! takes root: elsewhere that test is passed over, and says so.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
    time::SystemTime,
};

use crossfade::{
    clock::{Clock, SystemClock},
    store::embedded::Embedded,
};
use crossfade_verify::Moment;
use serde_json::Value;

use crate::{
    process::call,
    world::{AUDIENCE, SECRET, VERIFIER, World, until},
};

/// Of the secret, in seconds.
const GRACE: u64 = 5;
const HOURS: u64 = 6 * 3600;

fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

/// Makes the store on a clock that is off by so many seconds, and the secret in it.
fn make(world: &World, seconds: i64) {
    let data = world.path("data");
    let Moment { boot_ms, wall_ms } = SystemClock.moment();
    let off = Moment { boot_ms, wall_ms: wall_ms.saturating_add_signed(seconds * 1000) };
    drop(Embedded::open(&data, &data.join("key"), Arc::new(off)).expect("a store"));
    world.ok(&["rotate", "--due"]);
}

/// The command, on a boot clock that is so many seconds ahead.
fn ahead(seconds: u64, command: &Command) -> Command {
    let mut shifted = Command::new("unshare");
    shifted
        .args(["--time", &format!("--boottime={seconds}")])
        .arg(command.get_program())
        .args(command.get_args());
    shifted.env_remove("CROSSFADE_CONFIG").env_remove("CROSSFADE_LOG");
    shifted.current_dir(command.get_current_dir().expect("a folder")).stdin(Stdio::null());
    shifted
}

/// Whether the boot clock can be shifted here.
fn can_be_shifted() -> bool {
    let uptime = |text: &str| text.split('.').next().and_then(|text| text.parse::<u64>().ok());
    let mut cat = Command::new("cat");
    cat.arg("/proc/uptime").current_dir("/");
    let shifted = ahead(HOURS, &cat).stderr(Stdio::null()).output().ok();
    let shifted = shifted.and_then(|ran| uptime(&String::from_utf8_lossy(&ran.stdout)));
    let is =
        shifted > uptime(&fs::read_to_string("/proc/uptime").expect("an uptime")).map(|now| now + HOURS / 2);
    if !is {
        println!("not run: `unshare --time --boottime` takes root, and a kernel with time namespaces");
    }
    is
}

/// Every absolute time that somebody is told who is no verifier of ours, for a token that is good for the grace.
fn told(world: &World, token: &str, mut verify: Command) -> Vec<(&'static str, u64, u64)> {
    let introspected =
        until("a verdict", || Some(world.introspect(token)).filter(|answer| answer.status == 200)).json();
    assert_eq!(introspected["active"], true, "{introspected}");
    let bearer = format!("Bearer {token}");
    let headers = [("Crossfade-Credential", VERIFIER), ("Authorization", &*bearer)];
    let authorized = call(world.listen, "GET", "/v1/authorize", &headers, "").expect("an answer");
    let expires = authorized.header("crossfade-expires").and_then(|text| text.parse().ok()).expect("a time");
    let mut verify =
        verify.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    verify.stdin.take().expect("stdin").write_all(token.as_bytes()).expect("a write");
    let verified: Value =
        serde_json::from_slice(&verify.wait_with_output().expect("an end").stdout).expect("JSON");
    let of = |body: &Value, name: &str| body[name].as_u64().expect("a time");
    vec![
        ("introspection", of(&introspected, "iat"), of(&introspected, "exp")),
        ("authorize", of(&introspected, "iat"), expires),
        ("verify", of(&verified, "iat"), of(&verified, "exp")),
    ]
}

fn verify(world: &World) -> Command {
    let mut verify = world.command("verify");
    verify.args(["--audience", AUDIENCE]);
    verify
}

#[test]
fn a_store_that_is_hours_ahead_tells_nobody_times_that_are_hours_ahead() {
    let world = World::new(&format!("{GRACE}s"));
    make(&world, HOURS.cast_signed());
    let _daemon = world.start();
    let now = world.status()["now_ms"].as_u64().expect("a time") / 1000;
    assert!(now > wall() + HOURS - 60, "the store's clock is ahead: {now}");
    let began = wall();
    for (who, iat, exp) in told(&world, &world.token(), verify(&world)) {
        assert!(exp >= began + GRACE - 1 && exp <= wall() + GRACE, "{who}: {exp} at {began}");
        assert!(iat <= wall(), "{who}: {iat} at {began}");
    }
    let said = world.ok(&["rotate", SECRET, "--wait"]);
    let until = said.split("accepted until ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a time");
    let until: jiff::Timestamp = until.parse().expect("a time");
    let left = until.as_second() - i64::try_from(wall()).expect("a time");
    assert!((0..60).contains(&left), "said to a person too: {said}");
}

#[test]
fn a_store_that_is_behind_never_answers_active_with_an_end_in_the_past() {
    let world = World::new(&format!("{GRACE}s"));
    make(&world, -12);
    let daemon = world.start();
    let now = world.status()["now_ms"].as_u64().expect("a time") / 1000;
    assert!(wall() > now + GRACE + 1, "the store's clock is behind: {now}");
    for (who, iat, exp) in told(&world, &world.token(), verify(&world)) {
        assert!(exp + 1 >= wall(), "{who}: it ended at {exp}, and it is {}", wall());
        assert!(iat <= wall(), "{who}: made at {iat}");
    }
    assert!(daemon.log().contains("until the machine is rebooted"), "{}", daemon.log());
}

#[test]
fn a_boot_clock_that_goes_back_stops_neither_a_rotation_nor_a_deadline() {
    if !can_be_shifted() {
        return;
    }
    let world = World::new("1s");
    let made = ahead(HOURS, world.command("rotate").arg("--due")).output().expect("it starts");
    assert!(made.status.success(), "{made:?}");
    let _daemon = world.start();
    let old = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    until("the deadline of the old one", || world.stage(&old).is_none().then_some(()));
}
