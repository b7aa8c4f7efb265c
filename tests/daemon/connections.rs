//! Connections, many at once: what tests of strangers and of shares open, and what they ask meanwhile.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::{
    process::{Answer, Daemon, call},
    world::{AUDIENCE, VERIFIER, World, until},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A world with a second verifier, and its credential.
pub(crate) fn with_another() -> (World, String) {
    let world = World::new("30s");
    let said = world.ok(&["credential"]);
    let words: Vec<&str> = said.split_whitespace().map(|word| word.trim_matches('"')).collect();
    let secret = format!(
        "  - {{name: {}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30s}}\n",
        crate::world::SECRET
    );
    world.write_config(
        &secret,
        &format!(
            "  - {{id: another, role: verifier, audiences: [\"{AUDIENCE}\"], credential_sha256: {}}}\n",
            words[3]
        ),
    );
    (world, words[1].to_owned())
}

/// Starts a daemon that may have so many files open, whatever its test may.
pub(crate) fn with_files(world: &World, limit: &str) -> Daemon {
    let served = world.command("serve");
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]).arg(served.get_program());
    limited.args(served.get_args()).args(["--log-format", "text"]).current_dir(world.folder.path());
    for (name, value) in served.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let daemon = Daemon::start(&mut limited);
    until("it is ready", || {
        call(world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
    });
    daemon
}

/// So many connections that say this and nothing more.
pub(crate) fn connect(port: u16, size: usize, says: &str) -> Vec<TcpStream> {
    may_open(size as u64 + 300);
    let one = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        // Whoever was shown out meanwhile can't say anything.
        let _ = stream.write_all(says.as_bytes());
        stream
    };
    (0..size).map(one).collect()
}

/// This process may have that many files open.
fn may_open(files: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < files) {
        limit.current = Some(files);
        setrlimit(Resource::Nofile, limit).expect("this test opens thousands of connections");
    }
}

/// The head of a request for a verdict, with a body of that length to come.
pub(crate) fn asks(credential: &str, body: usize) -> String {
    format!(
        "POST /v1/introspect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {body}\r\n\r\n"
    )
}

/// A verdict on the current token, for whoever has this credential, on a connection of its own.
pub(crate) fn verdict(world: &World, credential: &str, token: &str) -> Option<Answer> {
    let bearer = format!("Bearer {credential}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/x-www-form-urlencoded")];
    call(world.listen, "POST", "/v1/introspect", &headers, &format!("token={token}")).ok()
}

pub(crate) fn is_accepted(answer: Option<Answer>) -> bool {
    answer.is_some_and(|answer| answer.status == 200 && answer.json()["active"] == true)
}

pub(crate) fn verifier_is_served(world: &World, token: &str) -> bool {
    is_accepted(verdict(world, VERIFIER, token))
}

/// How often that was the reason to turn somebody away.
pub(crate) fn rejected(world: &World, reason: &str) -> u64 {
    let scraped = until("metrics", || call(world.metrics, "GET", "/metrics", &[], "").ok()).body;
    let line = format!("crossfade_http_rejected_total{{reason=\"{reason}\"}} ");
    let found = scraped.lines().find_map(|found| found.strip_prefix(&*line));
    found.and_then(|count| count.parse().ok()).expect("a count")
}

/// All that comes until the other end closes; none: it does not.
pub(crate) fn until_closed(stream: &mut TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        _ => Some(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// Resident memory, in MB.
pub(crate) fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// How many connections of a listener stand from which all that came was read. (Which files a daemon has open, only root
/// is told.)
pub(crate) fn heard(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the connections");
    let of_listener = |line: &&str| {
        let [_, local, _, state, queues] = line.split_whitespace().take(5).collect::<Vec<_>>()[..] else {
            return false;
        };
        // Established, and nothing waits to be read.
        local.ends_with(&format!(":{port:04X}")) && state == "01" && queues.ends_with(":00000000")
    };
    table.lines().skip(1).filter(of_listener).count()
}
