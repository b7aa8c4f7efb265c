//! A daemon, a proxy before it, and a server behind that answers with what it was sent.

use std::{
    cell::RefCell,
    fmt, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::process::{Answer, Daemon, call};

const SECRET: &str = "mcp/slack-search";
/// Of the client below, made for these tests.
const CREDENTIAL: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";

#[derive(Copy, Clone, Debug)]
pub(crate) enum Proxy {
    Nginx,
    Caddy,
}

impl Proxy {
    pub(crate) const ALL: [Self; 2] = [Self::Nginx, Self::Caddy];

    const fn config(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Caddy => "Caddyfile",
        }
    }

    /// What `cargo xtask test` names.
    fn program(self) -> Option<PathBuf> {
        let variable = match self {
            Self::Nginx => "NGINX",
            Self::Caddy => "CADDY",
        };
        std::env::var_os(variable).map(PathBuf::from)
    }

    fn command(self, program: &PathBuf, folder: &TempDir) -> Command {
        let config = folder.path().join(self.config());
        let mut command = Command::new(program);
        match self {
            Self::Nginx => {
                let here = "daemon off; master_process off; pid nginx.pid; error_log stderr; user root;";
                command.arg("-p").arg(folder.path()).arg("-c").arg(config).args(["-e", "stderr", "-g", here]);
            }
            Self::Caddy => {
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(config)
                    .env("HOME", folder.path());
            }
        }
        command
    }
}

pub(crate) struct World {
    proxy: Proxy,
    port: u16,
    reached: Arc<AtomicUsize>,
    folder: TempDir,
    daemon: RefCell<Option<Daemon>>,
    _proxy: Daemon,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.proxy)
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_200 {
        if let Some(found) = condition() {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never came: {what}");
}

impl World {
    /// None where the proxy is not on this machine.
    pub(crate) fn new(proxy: Proxy) -> Option<Self> {
        let program = proxy.program()?;
        let folder = tempfile::tempdir().expect("a folder");
        let (crossfade, metrics, port) = (free_port(), free_port(), free_port());
        let config = format!(
            "listen: 127.0.0.1:{crossfade}\nmetrics_listen: 127.0.0.1:{metrics}\nstore: {{kind: embedded}}\nsync: 300ms\nfreshness: 1s\n\
             hold: 60s\nsecrets:\n  - {{name: {SECRET}, client_id: slack-bot, audience: \"https://mcp.example.com/slack\"}}\nclients:\n  \
             - {{id: proxy, role: verifier, audiences: [\"https://mcp.example.com/slack\"], token_headers: [mcp-access-token],\n     \
             credential_sha256: db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76}}\n"
        );
        fs::write(folder.path().join("config.yaml"), config).expect("a write");
        let daemon = Daemon::start(&mut crossfade_command(&folder, "serve"));
        until("the daemon listens", || TcpStream::connect(("127.0.0.1", crossfade)).ok());

        let (upstream, reached) = echo();
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/proxies/");
        let sample = fs::read_to_string(format!("{sample}{}", proxy.config())).expect("a sample");
        let sample = sample.replace("127.0.0.1:8750", &format!("127.0.0.1:{crossfade}"));
        let sample = sample.replace("127.0.0.1:9000", &format!("127.0.0.1:{upstream}"));
        let sample = sample.replace(":8080", &format!(":{port}"));
        let sample = sample.replace("Credential CREDENTIAL", &format!("Credential {CREDENTIAL}"));
        let sample = sample.replace("\"CREDENTIAL\"", &format!("\"{CREDENTIAL}\""));
        // Debian's nginx would write where only an installed one may.
        let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"));
        let sample = sample.replace("http {", &format!("http {{ access_log off; {}", own.concat()));
        fs::write(folder.path().join(proxy.config()), sample).expect("a write");
        let running = Daemon::start(&mut proxy.command(&program, &folder));
        until("the proxy listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { proxy, port, reached, folder, daemon: RefCell::new(Some(daemon)), _proxy: running })
    }

    pub(crate) fn token(&self) -> String {
        let output = crossfade_command(&self.folder, "token").arg(SECRET).output().expect("it starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// How many requests the server behind has seen.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    pub(crate) fn stop_the_daemon(&self) {
        self.daemon.borrow_mut().take();
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        call(self.port, method, path, headers, body).expect("an answer")
    }

    /// The same, until the daemon knows.
    pub(crate) fn verdict(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        until("a verdict", || Some(self.ask(method, path, headers, "")).filter(|answer| answer.status != 503))
    }

    /// Announces a body, sends none of it, and reads the status.
    pub(crate) fn announce_a_body(&self, authorization: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Length: 1000000\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a write");
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        String::from_utf8_lossy(&head[9..]).parse().expect("a status")
    }
}

fn crossfade_command(folder: &TempDir, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossfade"));
    command.current_dir(folder.path()).env_remove("CROSSFADE_CONFIG").env_remove("CROSSFADE_LOG").arg(verb);
    command
}

/// A server that answers each request with its bytes, and counts them.
fn echo() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let Some(request) = read_request(&mut stream) else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    request.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &request].concat());
            });
        }
    });
    (port, reached)
}

fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&bytes[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(request);
        }
    }
}
