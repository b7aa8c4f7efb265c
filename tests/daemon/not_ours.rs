//! Files of the daemon that are not ours alone: the audit log, and what stands in the admin socket's place.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown, symlink},
        net::UnixListener,
    },
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use crate::world::{SECRET, World};

#[test]
fn a_socket_of_somebody_else_keeps_no_order_from_the_store() {
    if !rustix::process::geteuid().is_root() {
        return println!("not run: only root gives files away");
    }
    let world = World::new("60s");
    drop(world.start());
    let socket = world.path("data/crossfade.sock");
    let _ = fs::remove_file(&socket);
    let _listens = UnixListener::bind(&socket).expect("a socket");
    chown(&socket, Some(1_234), None).expect("an owner");
    world.ok(&["rotate", SECRET, "--wait"]);
    let ended = world.run(&["revoke", SECRET, "--previous", "--yes"]);
    assert!(ended.status.success(), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("uid 1234") && said.contains("on the store directly"), "{said}");
}

#[test]
fn a_process_that_keeps_the_audit_log_locked_delays_no_revocation() {
    let world = World::new("60s");
    let daemon = world.start();
    for without in [false, true] {
        world.ok(&["rotate", SECRET, "--wait"]);
        if without {
            daemon.signal("-STOP");
            fs::rename(world.path("data/crossfade.sock"), world.path("data/aside.sock"))
                .expect("it is moved");
        }
        let holder = fs::File::open(world.path("data/audit.jsonl")).expect("the log");
        flock(&holder, FlockOperation::LockExclusive).expect("a lock");
        let began = Instant::now();
        world.ok(&["revoke", SECRET, "--previous", "--yes"]);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "without a daemon: {without}: {took:?}");
    }
    daemon.signal("-CONT");
}

#[test]
fn an_audit_log_that_is_not_ours_alone_starts_no_daemon_and_stops_no_revocation() {
    let world = World::new("60s");
    drop(world.start());
    let log = world.path("data/audit.jsonl");
    world.ok(&["rotate", SECRET, "--wait"]);
    let for_all = || fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).expect("a mode");
    let linked = || {
        fs::write(world.path("elsewhere"), "").expect("a write");
        fs::remove_file(&log).expect("it goes");
        symlink(world.path("elsewhere"), &log).expect("a link");
    };
    let given = || {
        fs::remove_file(&log).expect("it goes");
        fs::write(&log, "").expect("a write");
        chown(&log, Some(1_234), None).expect("an owner");
    };
    let mut cases: Vec<(&str, &dyn Fn())> = vec![("lets in others", &for_all), ("symbolic link", &linked)];
    if rustix::process::geteuid().is_root() {
        cases.push(("uid 1234", &given));
    }
    for (why, change) in cases {
        change();
        assert!(world.fails(1, &["serve"]).contains(why), "{why}");
        let ended = world.run(&["revoke", SECRET, "--previous", "--yes"]);
        assert!(ended.status.success(), "{why}: {ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("audit log") && said.contains(why), "it is loud: {said}");
        world.ok(&["rotate", SECRET, "--wait"]);
    }
    assert_eq!(fs::read(world.path("elsewhere")).expect("it is there"), b"", "no link is followed");
}
