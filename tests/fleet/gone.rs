//! The daemon is gone for good: what is known is accepted to its deadline and for `hold`, by no clock but the server's own.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    bots::{ask, passed},
    servers::{Kind, Server, kinds},
    world::{SECRET, World, until},
};

const HOLD_MS: u64 = 15_000;
/// A remainder of a deadline is never longer than it is; by this much it may be shorter.
const SECOND_MS: u64 = 1_000;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("a time")
}

/// A world in which `hold` is short.
fn world() -> World {
    let world = World::new("5s");
    let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
    let hold = format!("hold: {HOLD_MS}ms");
    fs::write(world.path("config.yaml"), config.replace("hold: 60s", &hold)).expect("a write");
    world
}

/// Replaces the current token: the old one, its deadline, and the new one, which every server lets in by then.
fn rotate(world: &World, servers: &[Server]) -> (String, u64, String) {
    let old = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    let versions = world.status()["versions"].clone();
    let newest = versions
        .as_array()
        .expect("versions")
        .iter()
        .filter_map(|version| version["deadline_ms"].as_u64())
        .max();
    let new = world.token();
    for server in servers {
        until("the new token is let in", || {
            ask(server.address, "Authorization", &new).filter(|status| passed(*status))
        });
    }
    (old, newest.expect("a deadline"), new)
}

/// Asks until that time: let in before the end, and not after it.
fn watch(server: &Server, token: &str, end_ms: u64, until_ms: u64) -> Vec<u16> {
    let mut after = Vec::new();
    while now_ms() < until_ms {
        let sent = now_ms();
        let status = ask(server.address, "Authorization", token).expect("an answer");
        let language = server.language;
        if sent >= end_ms {
            assert!(!passed(status), "{language}: {status} {} ms after the end", sent - end_ms);
            after.push(status);
        } else if now_ms() + SECOND_MS < end_ms {
            assert!(passed(status), "{language}: {status} {} ms before the end", end_ms - sent);
        }
        thread::sleep(Duration::from_millis(40));
    }
    after
}

#[test]
fn with_the_daemon_gone_known_tokens_end_at_their_deadline_and_all_of_them_after_hold_however_often_a_server_restarts()
 {
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let world = world();
    let mut daemon = Some(world.start());
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    let cache = |kind: &Kind, n: usize| -> PathBuf { world.path(&format!("{}-{n}", kind.language)) };
    let start = |n: usize| -> Vec<Server> {
        kinds.iter().map(|kind| Server::start(kind, &feeds, Some(&cache(kind, n)))).collect()
    };
    let (steady, restarted) = (start(0), start(1));

    let (old, deadline, _) = rotate(&world, &steady);
    thread::scope(|scope| {
        for server in &steady {
            let old = &old;
            scope.spawn(move || {
                let after = watch(server, old, deadline, deadline + SECOND_MS);
                assert!(
                    after.contains(&401),
                    "{}: while it is fresh, it refuses: {after:?}",
                    server.language
                );
            });
        }
    });

    let (old, deadline, new) = rotate(&world, &steady);
    until("it stands in every file", || {
        let digest = |kind: &Kind| fs::read_to_string(cache(kind, 1)).is_ok_and(|text| !text.is_empty());
        kinds.iter().all(digest).then_some(())
    });
    daemon.take().expect("it runs").signal("-KILL");
    let gone = now_ms();
    drop(restarted);
    thread::scope(|scope| {
        for server in &steady {
            let (old, new) = (&old, &new);
            scope.spawn(move || {
                let after = watch(server, old, deadline, deadline + SECOND_MS);
                assert!(after.ends_with(&[503]), "{}: it can't know: {after:?}", server.language);
                // Its last view is from before the daemon's end, by a heartbeat at most.
                let status = ask(server.address, "Authorization", new).expect("an answer");
                assert!(passed(status) || now_ms() + 2 * SECOND_MS > gone + HOLD_MS, "{}", server.language);
                let after = watch_end(server, new, gone);
                assert!(after.iter().all(|status| *status == 503), "{}: {after:?}", server.language);
            });
        }
        for kind in &kinds {
            let (feeds, cache, new) = (&feeds, cache(kind, 1), &new);
            scope.spawn(move || {
                let (mut restarts, mut let_in) = (0, 0);
                while now_ms() < gone + HOLD_MS + SECOND_MS {
                    let server = Server::start(kind, feeds, Some(&cache));
                    let sent = now_ms();
                    let status = ask(server.address, "Authorization", new).expect("an answer");
                    let_in += u32::from(passed(status));
                    let late = sent >= gone + HOLD_MS;
                    assert!(!(late && passed(status)), "{}: a restart renewed `hold`", kind.language);
                    restarts += 1;
                }
                println!("{}: {restarts} restarts, let in after {let_in} of them", kind.language);
                assert!(let_in > 0, "{}: the file is read", kind.language);
            });
        }
    });
}

/// Asks until `hold` is surely over, and a little longer.
fn watch_end(server: &Server, token: &str, gone: u64) -> Vec<u16> {
    let mut after = Vec::new();
    while now_ms() < gone + HOLD_MS + SECOND_MS {
        let sent = now_ms();
        let status = ask(server.address, "Authorization", token).expect("an answer");
        if sent >= gone + HOLD_MS {
            after.push(status);
        } else {
            assert!(passed(status) || status == 503, "{}: {status}", server.language);
        }
        thread::sleep(Duration::from_millis(40));
    }
    after
}
