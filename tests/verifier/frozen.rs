//! A server whose process is frozen between requests, as a Lambda is: it must not let in what was ended meanwhile.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use crossfade_testing_fleet::process::send;

use crate::{
    server::{Server, ask, connect},
    world::{SECRET, World, until},
};

/// Where the process finds its world; without it, it has nothing to do.
const LISTEN: &str = "CROSSFADE_TEST_LISTEN";
const CACHE: &str = "CROSSFADE_TEST_CACHE";

/// The server, in the process that [`Frozen`] starts.
#[test]
#[ignore = "it is the process of another test"]
fn serves_until_it_is_killed() {
    let (Ok(listen), Ok(cache)) = (std::env::var(LISTEN), std::env::var(CACHE)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listen = listen.parse().expect("a port");
        let server = Server::start(connect(listen, "frozen", cache.as_ref()).await).await;
        println!("port {}", server.port);
        std::io::stdout().flush().expect("a reader");
        std::future::pending::<()>().await;
    });
}

/// A server's process that runs for as long as a request takes.
struct Frozen {
    child: Child,
    port: u16,
    _stdout: BufReader<ChildStdout>,
}

impl Frozen {
    fn start(world: &World) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--ignored", "--exact", "--nocapture", "frozen::serves_until_it_is_killed"]);
        command.env(LISTEN, world.listen.to_string()).env(CACHE, world.path("frozen"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(stdout.read_line(&mut line).expect("a line") > 0, "it ended");
            // The harness says which test it is, on the same line.
            if let Some((_, port)) = line.split_once("port ") {
                break port.trim().parse().expect("a port");
            }
        };
        Self { child, port, _stdout: stdout }
    }

    fn signal(&self, signal: &str) {
        assert!(send(signal, &self.child.id().to_string()));
    }

    /// The status of a request for which it is thawed.
    fn ask(&self, token: &str) -> u16 {
        self.signal("-CONT");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let status = runtime.expect("a runtime").block_on(ask(self.port, Some(token)));
        self.signal("-STOP");
        status
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Longer than freshness, for which a view is young.
fn a_while() {
    std::thread::sleep(Duration::from_millis(1_500));
}

#[test]
fn a_server_that_is_frozen_between_requests_lets_in_nothing_that_was_ended_and_goes_on_without_the_daemon() {
    let world = World::new("30m");
    let mut daemon = world.start();
    let old = world.token();
    let server = Frozen::start(&world);
    assert_eq!(server.ask(&old), 200);
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    until("its end", || world.stage(&old).is_none().then_some(()));
    a_while();
    let answers: Vec<_> = (0..20).map(|_| server.ask(&old)).collect();
    assert_eq!(answers, [401; 20], "what was ended while it was frozen");

    let new = world.token();
    a_while();
    assert_eq!(server.ask(&new), 200);
    daemon.signal("-KILL");
    daemon.exit();
    a_while();
    let answers: Vec<_> = (0..20).map(|_| server.ask(&new)).collect();
    assert_eq!(answers, [200; 20], "for hold, without the daemon");
    assert_eq!(server.ask("a-token-of-a-stranger"), 503);
}
