//! Servers to measure: started as a user starts them, on ports and in a folder of their own, and stopped
//! when they are dropped.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{instructions::Callgrind, now, pause};

/// The tour's verifier credential, from `config.example.yaml`.
pub(super) const CREDENTIAL: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";
const CREDENTIAL_SHA256: &str = "db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76";
const CLIENT: &str = "slack-mcp-server";
pub(super) const AUDIENCE: &str = "https://mcp.example.com/bench";
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that serves HTTP.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// The bare route, by this command.
    pub(super) fn bare(mut program: Command) -> Result<Self> {
        let address = free_address()?;
        Self::listening(program.arg(address.to_string()), address)
    }

    /// Lets it end by itself.
    pub(super) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts any program that listens there, and waits until it does.
    pub(super) fn listening(program: &mut Command, address: SocketAddr) -> Result<Self> {
        let child = program.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} can't be started", program.get_program().display()))?;
        let server = Self { child, address };
        let began = now();
        while TcpStream::connect(address).is_err() {
            ensure!(began.elapsed() < PATIENCE, "the server does not listen");
            pause(Duration::from_millis(2));
        }
        Ok(server)
    }

    /// User and system time so far, in clock ticks (a hundredth of a second on Linux).
    pub(super) fn cpu_ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Fields 14 and 15; the name before them can hold spaces, but ends with the last parenthesis.
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ')).context("an odd stat file")?;
        fields.skip(11).take(2).map(|field| Ok(field.parse::<u64>()?)).sum()
    }

    /// Resident memory, in KiB.
    pub(super) fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What of a daemon's config is not always the same.
pub(super) struct Terms<'a> {
    pub(super) store: &'a str,
    /// PEM files, where it speaks TLS.
    pub(super) tls: Option<(&'a Path, &'a Path)>,
    pub(super) sync: &'a str,
    pub(super) freshness: &'a str,
    pub(super) secrets: usize,
    pub(super) grace: &'a str,
    /// Of each secret.
    pub(super) more: &'a str,
    /// Verifiers: their names, and the hashes of their credentials.
    pub(super) clients: &'a [(String, String)],
    pub(super) environment: &'a [(&'a str, &'a str)],
    pub(super) counted_by: Option<&'a Callgrind>,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            store: "{kind: embedded, path: ./data}",
            tls: None,
            sync: "2s",
            freshness: "6s",
            secrets: 1,
            grace: "10m",
            more: "",
            clients: &[],
            environment: &[],
            counted_by: None,
        }
    }
}

/// A daemon, and how long it took to be ready.
pub(super) struct Daemon {
    pub(super) server: Server,
    pub(super) to_ready: Duration,
    program: PathBuf,
    config: PathBuf,
    telemetry: SocketAddr,
}

impl Daemon {
    /// Starts one on the secrets of this folder, which it keeps.
    pub(super) fn start(program: &Path, folder: &Path, secrets: usize, more: &str) -> Result<Self> {
        Self::start_on(program, folder, &Terms { secrets, more, ..Terms::default() })
    }

    /// The same, on other terms.
    pub(super) fn start_on(program: &Path, folder: &Path, terms: &Terms<'_>) -> Result<Self> {
        let (listen, telemetry) = (free_address()?, free_address()?);
        let config = folder.join("config.yaml");
        fs::create_dir_all(folder)?;
        fs::write(&config, config_of(listen, telemetry, terms)?)?;
        let began = now();
        let counted = terms.counted_by.map(|callgrind| callgrind.command(program));
        let child = counted
            .unwrap_or_else(|| Command::new(program))
            .args(["serve", "--config"])
            .arg(&config)
            // As the image has it.
            .env("MALLOC_ARENA_MAX", "1")
            .envs(terms.environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()
            .with_context(|| format!("{} can't be started", program.display()))?;
        let mut server = Server { child, address: listen };
        while !is_ready(telemetry) {
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none(), "the daemon ended: see {}", folder.join("log").display());
            ensure!(began.elapsed() < PATIENCE, "the daemon does not get ready");
            pause(Duration::from_millis(2));
        }
        let to_ready = began.elapsed();
        Ok(Self { server, to_ready, program: program.to_owned(), config, telemetry })
    }

    /// Waits until each secret has its first version, which comes after the daemon is ready.
    pub(super) fn until_made(&self, secrets: usize) -> Result<()> {
        let began = now();
        let made = |line: &&str| {
            line.starts_with("crossfade_rotation_last_success_timestamp_seconds{") && !line.ends_with(" 0")
        };
        while self.metrics()?.lines().filter(made).count() < secrets {
            ensure!(began.elapsed() < PATIENCE, "the secrets don't get their first versions");
            pause(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What a command prints.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output =
            Command::new(&self.program).arg("--config").arg(&self.config).args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        // 1 is `status` with something overdue: an answer too.
        ensure!(matches!(output.status.code(), Some(0 | 1)), "{} failed: {said}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Gives an order on the n-th secret, as a command does, but without starting one. Returns when it was sent.
    pub(super) fn order(&self, secret: usize, verb: &str) -> Result<Instant> {
        let mut stream = UnixStream::connect(self.config.with_file_name("data/crossfade.sock"))?;
        let began = now();
        write!(
            stream,
            "POST /v1/admin/secrets/mcp%2Fbench-{secret:04}/{verb} HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{verb} was answered {answer}");
        Ok(began)
    }

    /// The bytes that a verifier gets: the whole answer.
    pub(super) fn accept_set(&self) -> Result<String> {
        let mut stream = TcpStream::connect(self.server.address)?;
        write!(
            stream,
            "GET /v1/accept-set?audience={AUDIENCE} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {CREDENTIAL}\r\n\
             Connection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "answered {answer}");
        Ok(answer)
    }

    pub(super) fn metrics(&self) -> Result<String> {
        Ok(fetch(self.telemetry, "/metrics")?)
    }
}

/// The example config's terms, with as many secrets for one audience as asked for.
fn config_of(listen: SocketAddr, telemetry: SocketAddr, terms: &Terms<'_>) -> Result<String> {
    let Terms { store, sync, freshness, secrets, grace, more, .. } = terms;
    let mut text = format!(
        "listen: {listen}\nmetrics_listen: {telemetry}\nstore: {store}\n\
         sync: {sync}\nfreshness: {freshness}\nhold: 1h\n"
    );
    if let Some((cert, key)) = terms.tls {
        writeln!(text, "tls: {{cert: {}, key: {}}}", cert.display(), key.display())?;
    }
    text.push_str("clients:\n");
    let own = [(CLIENT.to_owned(), CREDENTIAL_SHA256.to_owned())];
    for (id, hash) in own.iter().chain(terms.clients) {
        writeln!(
            text,
            "  - id: {id}\n    role: verifier\n    audiences: [{AUDIENCE}]\n    credential_sha256: {hash}"
        )?;
    }
    text.push_str("secrets:\n");
    for n in 0..*secrets {
        writeln!(
            text,
            "  - name: mcp/bench-{n:04}\n    client_id: slack-bot\n    audience: {AUDIENCE}\n    \
             scopes: [slack:search]\n    grace: {grace}\n    {more}"
        )?;
    }
    Ok(text)
}

fn is_ready(telemetry: SocketAddr) -> bool {
    fetch(telemetry, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn fetch(from: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(from)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Empties a folder under `target/bench`.
pub(super) fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = super::target().join("bench").join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => bail!(error),
        _ => Ok(folder),
    }
}
