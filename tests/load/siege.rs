//! A daemon, who attacks it, and who relies on it meanwhile.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_fleet::process::{call, send};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    attacks::{Attack, Target},
    world::{AUDIENCE, SECRET, VERIFIER, World, until},
};

/// How long an attack lasts. An order that is given at its half is carried out before its end.
const ATTACK: Duration = Duration::from_secs(10);
/// What the daemon's memory may grow by.
const GROWTH_KIB: u64 = 32 * 1024;
/// The same where a client takes its whole share of connections: 4,096 of them, and what one of them costs in a build that
/// is not optimised.
const GROWTH_BY_A_SHARE_KIB: u64 = 4_096 * 24;
/// The secret that is revoked meanwhile.
const OTHER: &str = "mcp/revoked-meanwhile";
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Siege {
    world: World,
    daemon: Process,
    target: Target,
    token: String,
    growth_kib: u64,
}

/// The daemon; killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Its group: one that was started by a shell has it as a child.
        send("-KILL", &format!("-{}", self.0.id()));
        let _ = self.0.wait();
    }
}

/// What stands in `/proc` of a process.
#[derive(Debug)]
struct Figures {
    resident_kib: u64,
    files: usize,
}

impl Siege {
    pub(super) fn new() -> Self {
        Self::started("exec \"$0\" \"$@\" 2> log")
    }

    /// With a daemon that may open so many files.
    pub(super) fn with_files(most: u32) -> Self {
        Self::started(&format!("ulimit -n {most}; exec \"$0\" \"$@\" 2> log"))
    }

    /// With a daemon whose log is a pipe that is full and that nobody reads.
    pub(super) fn with_a_stuck_log() -> Self {
        let stuck =
            "mkfifo pipe; sleep 1000 < pipe & exec 2> pipe; head -c 65536 /dev/zero >&2; exec \"$0\" \"$@\"";
        Self::started(stuck)
    }

    fn started(script: &str) -> Self {
        // As many connections as the system lets us have, to attack with.
        let files = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).expect("a limit");
        let secrets = [SECRET, OTHER].map(|name| {
            format!("  - {{name: {name}, client_id: slack-bot, audience: {AUDIENCE}, scopes: [slack:search], grace: 30m}}\n")
        });
        let world = World::with_secrets(&secrets.concat());
        let made = world.ok(&["credential"]);
        let part = |name| {
            let line = made.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.trim().trim_matches('"').to_owned()
        };
        let (stolen, hash) = (part("credential: "), part("credential_sha256: "));
        world.write_config(
            &secrets.concat(),
            &format!(
                "  - {{id: stolen, role: verifier, audiences: [\"{AUDIENCE}\"], credential_sha256: {hash}}}\n"
            ),
        );
        let daemon = world.command("serve");
        // In a session of its own, which has a share of the processors of its own, as a service has: attackers are on other
        // machines.
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", script]).arg(daemon.get_program()).args(daemon.get_args());
        for (name, value) in daemon.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("LD_PRELOAD", slow_disk(world.folder.path())).current_dir(world.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let daemon = Process(command.spawn().expect("it starts"));
        until("the daemon is ready", || {
            call(world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
        });
        let token = until("a token", || {
            let given = world.run(&["token", SECRET]);
            given.status.success().then(|| String::from_utf8_lossy(&given.stdout).trim().to_owned())
        });
        let target = Target { listen: world.listen, metrics: world.metrics, stolen };
        Self { world, daemon, target, token, growth_kib: GROWTH_KIB }
    }

    /// By somebody who takes a client's share of connections.
    pub(super) fn by_a_fleet(self) -> Self {
        Self { growth_kib: GROWTH_BY_A_SHARE_KIB, ..self }
    }

    pub(super) fn withstands(self, attack: Attack) {
        let mut kept = Kept::connect(self.world.listen).expect("a connection");
        self.rely_on(&mut kept);
        let before = self.figures();
        let over = AtomicBool::new(false);
        let mut most_kib = 0;
        thread::scope(|scope| {
            scope.spawn(|| attack(&self.target, &over));
            let revoked = scope.spawn(|| {
                thread::sleep(ATTACK / 2);
                let output = self.world.run(&["revoke", OTHER, "--all", "--yes"]);
                (output, over.load(Ordering::Relaxed))
            });
            let end = Ends(&over);
            let began = Instant::now();
            let (mut rounds, mut longest) = (0, Duration::ZERO);
            while began.elapsed() < ATTACK {
                let round = Instant::now();
                self.rely_on(&mut kept);
                longest = longest.max(round.elapsed());
                most_kib = most_kib.max(self.figures().resident_kib);
                rounds += 1;
                thread::sleep(PAUSE);
            }
            drop(end);
            let (output, late) = revoked.join().expect("an order");
            assert!(output.status.success(), "{output:?}");
            assert!(!late, "the order took longer than the rest of the attack");
            let resident = before.resident_kib;
            println!(
                "{rounds} rounds, the longest of {longest:?}; {resident} KiB resident before, {most_kib} at most"
            );
            // Before, it was for as long as the attack lasted, and longer. Some seconds are the machine's, where it is busy
            // with other tests.
            assert!(
                longest < ATTACK,
                "whoever relies on the daemon was held up for as long as an attack lasts"
            );
        });
        assert!(most_kib < before.resident_kib + self.growth_kib, "{before:?}, then {most_kib} KiB");
        until("its files are closed again", || (self.figures().files <= before.files + 4).then_some(()));
        // The one before may have been idle for too long.
        self.rely_on(&mut Kept::connect(self.world.listen).expect("a connection"));
    }

    /// What everybody relies on.
    fn rely_on(&self, kept: &mut Kept) {
        let accepted = kept.introspect(&self.token).expect("an answer on a kept connection");
        assert!(accepted.contains(r#""active":true"#), "a rightful token, on a kept connection: {accepted}");
        let refused = kept.introspect("nobody-s").expect("an answer on a kept connection");
        assert!(refused.contains(r#"{"active":false}"#), "an unknown token: {refused}");
        // A connection that was cut off is made again, as any client does.
        until("a newcomer with a right credential is let in", || {
            let answer = Kept::connect(self.world.listen).and_then(|mut new| new.introspect(&self.token));
            answer.ok().filter(|answer| answer.contains(r#""active":true"#))
        });
        until("the probe is answered", || {
            let answer = call(self.world.metrics, "GET", "/healthz", &[], "");
            answer.ok().filter(|answer| answer.status == 200)
        });
    }

    fn figures(&self) -> Figures {
        let process = PathBuf::from(format!("/proc/{}", self.daemon.0.id()));
        let status = fs::read_to_string(process.join("status")).expect("the daemon lives");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        let resident_kib = resident.and_then(|kib| kib.parse().ok()).expect("a figure");
        // What another user's process has open is not told.
        let files = fs::read_dir(process.join("fd")).map_or(0, Iterator::count);
        Figures { resident_kib, files }
    }
}

/// Tells the attack that it is over, whatever came of the test.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection of a verifier's.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn connect(port: u16) -> io::Result<Self> {
        // Whoever lets the system try on waits twice as long after each try that found the queue full.
        let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// What is answered, head and all.
    fn introspect(&mut self, token: &str) -> io::Result<String> {
        let body = format!("token={token}");
        let request = format!(
            "POST /v1/introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {VERIFIER}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut answer, mut length) = (String::new(), 0);
        loop {
            let line = answer.len();
            if self.0.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(value) = answer[line..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            if &answer[line..] == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        answer.push_str(&String::from_utf8_lossy(&body));
        Ok(answer)
    }
}

/// A library that makes the disk slow to sync.
fn slow_disk(folder: &Path) -> PathBuf {
    let (source, library) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/load/slow_disk.c"), folder.join("slow_disk.so"));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(built.is_ok_and(|status| status.success()), "a C compiler is needed");
    library
}
