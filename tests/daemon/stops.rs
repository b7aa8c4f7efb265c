//! What the service manager is told, and that a stop comes to an end whatever is under way.

use std::{
    fs,
    net::TcpListener,
    os::unix::net::UnixDatagram,
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::Daemon,
    world::{AUDIENCE, SECRET, World, until},
};

/// What a service manager hears, message by message.
struct Manager(UnixDatagram);

impl Manager {
    /// Beside a world's daemon, which is told where it listens.
    fn of(world: &World) -> (Self, Daemon) {
        let path = world.path("notify.sock");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        let mut serve = world.command("serve");
        let daemon = Daemon::start(serve.args(["--log-format", "text"]).env("NOTIFY_SOCKET", &path));
        (Self(socket), daemon)
    }

    fn hears(&self) -> String {
        let mut message = [0; 1024];
        let length = self.0.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).trim().to_owned()
    }
}

/// The machine's monotonic clock, which in a test is the one that counts since boot.
fn uptime_usec() -> f64 {
    let text = fs::read_to_string("/proc/uptime").expect("an uptime");
    text.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok()).expect("a number") * 1e6
}

#[test]
fn the_service_manager_is_told_of_the_start_of_each_reload_and_of_the_stop() {
    let world = World::new("4s");
    let (manager, mut daemon) = Manager::of(&world);
    assert_eq!(manager.hears(), "READY=1");
    let good = fs::read_to_string(world.path("config.yaml")).expect("the config");
    for config in ["listen: nowhere\n", &good] {
        fs::write(world.path("config.yaml"), config).expect("a write");
        daemon.signal("-HUP");
        let began = manager.hears();
        let lines: Vec<&str> = began.lines().collect();
        let [reloading, since] = lines[..] else { panic!("one message has both: {began}") };
        assert_eq!(reloading, "RELOADING=1");
        let since: f64 =
            since.strip_prefix("MONOTONIC_USEC=").and_then(|usec| usec.parse().ok()).expect("a time");
        assert!(since > 0.0 && since <= uptime_usec() + 1e6, "{began}");
        assert_eq!(manager.hears(), "READY=1", "taken or not, it is ready again");
    }
    daemon.signal("-TERM");
    assert_eq!(manager.hears(), "STOPPING=1");
    assert!(daemon.exit().success());
}

/// An endpoint that takes connections and never answers.
fn silence() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (called, calls) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
            let _ = called.send(());
        }
    });
    (endpoint, calls)
}

fn daemon_whose_store_is_silent() -> (World, Daemon) {
    let (endpoint, calls) = silence();
    let secrets = format!("  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 5s}}\n");
    let world = World::on_aws(&endpoint, "AKIDSILENCE", &secrets);
    let daemon = Daemon::start(world.command("serve").args(["--log-format", "text"]));
    calls.recv_timeout(Duration::from_secs(60)).expect("it asks the store");
    (world, daemon)
}

#[test]
fn a_stop_ends_while_the_store_does_not_answer() {
    let (world, mut daemon) = daemon_whose_store_is_silent();
    daemon.signal("-TERM");
    let began = Instant::now();
    assert!(daemon.exit().success());
    // A call of the store's is given 12 s; Docker gives a container 10, the unit 15.
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    assert!(daemon.log().contains("though something had not ended"), "{}", daemon.log());
    assert!(!world.path("data/crossfade.sock").exists(), "it leaves nothing behind");
}

#[test]
fn a_second_signal_to_stop_ends_it_at_once_and_a_reload_does_not() {
    let (_world, mut daemon) = daemon_whose_store_is_silent();
    daemon.signal("-TERM");
    until("it stops", || daemon.log().contains("stopping: ").then_some(()));
    daemon.signal("-HUP");
    thread::sleep(Duration::from_millis(300));
    assert!(!daemon.log().contains("stopped at once"), "{}", daemon.log());
    daemon.signal("-TERM");
    let began = Instant::now();
    assert!(daemon.exit().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(daemon.log().contains("stopped at once, on a second signal"), "{}", daemon.log());
}

#[test]
fn a_daemon_that_is_frozen_keeps_no_command_waiting_for_ever() {
    let world = World::new("10m");
    let daemon = world.start();
    daemon.signal("-STOP");
    for command in [
        &["status"][..],
        &["revoke", SECRET, "--all", "--yes"],
        &["--socket", "data/crossfade.sock", "token", SECRET],
    ] {
        let said = world.fails(3, command);
        assert!(said.contains("did not answer within") && said.contains("--socket"), "{command:?}: {said}");
    }
    // The way out that it names.
    world.ok(&["revoke", SECRET, "--all", "--yes", "--socket", "nobody"]);
    daemon.signal("-CONT");
    assert_eq!(world.status()["phase"], "idle");
}
