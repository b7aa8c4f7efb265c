//! The image at work.

use std::fs;

use crossfade_testing_secretsmanager::Fake;

use crate::{
    container::{Container, Host, SECRET, until},
    process::call,
};

fn token(container: &Container<'_>) -> String {
    container.ok(&["/crossfade", "token", SECRET])
}

/// From `/proc/PID/status`.
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn it_runs_as_65532_without_a_capability_on_a_root_that_cannot_be_written() {
    let Some(host) = Host::new(|config| config) else { return };
    let container = host.run(None).ready();
    let process = container.process();
    let status = fs::read_to_string(process.join("status")).expect("its status");
    assert_eq!(field(&status, "Uid"), "65532 65532 65532 65532");
    assert_eq!(field(&status, "Gid"), "65532 65532 65532 65532");
    assert_eq!(field(&status, "NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(&status, set), "0000000000000000", "{set}");
    }
    let mounts = fs::read_to_string(process.join("mountinfo")).expect("its mounts");
    let options = |at: &str| {
        // man 5 proc: the fifth field is where, the sixth how.
        let found = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some(at));
        found.and_then(|line| line.split(' ').nth(5)).unwrap_or_else(|| panic!("{at}: {mounts}")).to_owned()
    };
    assert!(options("/").starts_with("ro"), "{mounts}");
    assert!(options("/etc/crossfade/config.yaml").starts_with("ro"), "{mounts}");
    assert!(options("/data").starts_with("rw"), "{mounts}");
}

#[test]
fn it_serves_rotates_and_stops_well_before_docker_would_kill_it() {
    let Some(host) = Host::new(|config| config) else { return };
    let mut container = host.run(None).ready();
    assert_eq!(call(host.metrics, "GET", "/healthz", &[], "").expect("an answer").status, 200);
    assert_eq!(call(host.listen, "POST", "/v1/introspect", &[], "").expect("an answer").status, 401);
    assert!(container.is_healthy());

    let old = token(&container);
    let said = container.ok(&["/crossfade", "rotate", SECRET, "--wait"]);
    assert!(said.contains("is current"), "{said}");
    assert_ne!(token(&container), old);
    let status = container.ok(&["/crossfade", "status"]);
    assert!(status.contains("previous") && status.contains("as seen by this daemon"), "{status}");

    let ended = container.stop();
    assert_eq!(ended.code(), Some(0), "{ended}");
    // On the volume, for the next one.
    let next = host.run(None).ready();
    assert_ne!(token(&next), old);
    next.ok(&["/crossfade", "audit", "verify", "/data/audit.jsonl"]);
}

#[test]
fn it_makes_and_rotates_a_secret_on_aws_and_so_does_a_one_shot_run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let aws = runtime.block_on(Fake::start()).expect("a free port");
    let Some(host) = Host::on_aws(&aws.endpoint()) else { return };
    let container = host.run(None).ready();
    until("the secret is made", std::time::Duration::from_secs(60), || aws.secret(SECRET));
    let old = token(&container);
    container.ok(&["/crossfade", "rotate", SECRET, "--wait"]);
    assert_ne!(token(&container), old);
    drop(container);
    let current = || aws.secret(SECRET).expect("the secret").labels()["AWSCURRENT"].clone();
    let before = current();
    host.once(&["rotate", SECRET, "--wait"]);
    assert_ne!(current(), before, "without a daemon");
    host.once(&["rotate", "--due", "--wait"]);
}

#[test]
fn a_daemon_that_answers_nothing_is_unhealthy() {
    let Some(host) = Host::new(|config| config) else { return };
    let container = host.run(None).ready();
    // A process that was stopped takes connections and answers none.
    let process = container.process();
    let pid = process.file_name().and_then(|pid| pid.to_str()).expect("a pid");
    crate::workshop::root("kill", &["-STOP", pid]);
    assert!(!container.is_healthy());
    crate::workshop::root("kill", &["-CONT", pid]);
    assert!(container.is_healthy());
}

#[test]
fn a_container_on_a_schedule_rotates_what_is_due_and_ends() {
    let Some(host) = Host::new(|config| config.replace("every: 12h", "every: 5s")) else { return };
    let pass = || host.once(&["rotate", "--due", "--wait"]);
    let token = || host.once(&["token", SECRET]).lines().last().expect("a token").to_owned();
    pass();
    let first = token();
    until("a pass finds it due", std::time::Duration::from_secs(60), || {
        pass();
        (token() != first).then_some(())
    });
}

#[test]
fn without_a_volume_for_its_data_it_says_what_it_cannot_write() {
    let Some(host) = Host::new(|config| config.replace("/data", "/elsewhere")) else { return };
    let mut container = host.run(None);
    assert_eq!(container.end().code(), Some(1));
    assert!(container.log().contains("/elsewhere"), "{}", container.log());
}
