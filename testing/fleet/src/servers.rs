//! The example servers, as their readers start them.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    thread::{self, JoinHandle},
};

use crate::{AUDIENCE, VERIFIER};

/// How to start the server of a language.
#[derive(Clone, Debug)]
pub struct Kind {
    pub language: &'static str,
    command: Vec<OsString>,
}

impl Kind {
    /// All three: the server's program, the built script, and a Python with what the server needs.
    pub fn all(rust: OsString, script: OsString, python: OsString) -> Vec<Self> {
        vec![Self::rust(rust), Self::typescript(script), Self::python(python)]
    }

    /// That program.
    pub fn rust(program: OsString) -> Self {
        Self { language: "rust", command: vec![program] }
    }

    /// The built script.
    pub fn typescript(script: OsString) -> Self {
        Self { language: "typescript", command: vec!["node".into(), script] }
    }

    /// By a Python that has what the server needs.
    pub fn python(python: OsString) -> Self {
        let example = root().join("examples/python/server.py").into_os_string();
        Self { language: "python", command: vec![python, example] }
    }

    /// Another script beside its own.
    pub fn beside(mut self, script: &str) -> Self {
        if let Some(own) = self.command.last_mut() {
            *own = Path::new(own).with_file_name(script).into_os_string();
        }
        self
    }

    /// With an argument for what runs the script, where one does.
    pub fn run_with(mut self, argument: impl Into<OsString>) -> Self {
        let at = self.command.len() - 1;
        self.command.insert(at, argument.into());
        self
    }
}

/// Those that the test command has built; none where tests are run without it.
pub fn kinds() -> Vec<Kind> {
    let set = |name: &str| std::env::var_os(name);
    let (Some(rust), Some(script), Some(python)) =
        (set("FLEET_RUST"), set("FLEET_TYPESCRIPT"), set("FLEET_PYTHON"))
    else {
        return Vec::new();
    };
    Kind::all(rust, script, python)
}

/// Of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a server is started with, beside its language.
#[derive(Clone, Default, Debug)]
pub struct Setting {
    /// The daemons that it follows.
    pub feeds: Vec<String>,
    /// What it starts from while none answers.
    pub cache: Option<PathBuf>,
    /// Where it writes what it says, behind what stands there; none: nowhere.
    pub log: Option<PathBuf>,
    /// What else stands in its environment.
    pub environment: Vec<(&'static str, OsString)>,
}

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    pub language: &'static str,
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Follows these daemons; starts from that file while none answers.
    pub fn start(kind: &Kind, feeds: &[String], cache: Option<&Path>) -> Self {
        let cache = cache.map(Path::to_owned);
        Self::start_with(kind, &Setting { feeds: feeds.to_owned(), cache, ..Setting::default() })
            .unwrap_or_else(|said| panic!("{}: {said}", kind.language))
    }

    /// A server that listens; else what it said instead.
    pub fn start_with(kind: &Kind, setting: &Setting) -> Result<Self, String> {
        let mut command = Command::new(&kind.command[0]);
        command.args(&kind.command[1..]);
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("CROSSFADE_URL", setting.feeds.join(","))
            .env("CROSSFADE_CREDENTIAL", VERIFIER)
            .env("CROSSFADE_AUDIENCE", AUDIENCE)
            .env("PYTHONPATH", root().join("clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(setting.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(cache) = &setting.cache {
            command.env("CROSSFADE_CACHE", cache);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let log = kept(child.stderr.take().expect("a pipe"), setting.log.clone());
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let _ = stdout.read_line(&mut line);
        let url = line.trim().strip_prefix("listening on http://").map(|url| url.trim_end_matches("/mcp"));
        let Some(address) = url.and_then(|url| url.parse().ok()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(line + &log.join().unwrap_or_default());
        };
        // What it says is read, so that it never waits for us.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Ok(Self { language: kind.language, address, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn signal(&self, signal: &str) {
        assert!(crate::process::send(signal, &self.pid().to_string()));
    }
}

/// What a server says on its other output: all of it, or what did not go to the file.
fn kept(mut stderr: ChildStderr, log: Option<PathBuf>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        let file = log.and_then(|log| OpenOptions::new().create(true).append(true).open(log).ok());
        let _ = match file {
            Some(mut file) => std::io::copy(&mut stderr, &mut file).map(|_| ()),
            None => stderr.read_to_string(&mut text).map(|_| ()),
        };
        text
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
