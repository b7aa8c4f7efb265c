//! The example servers, as their readers start them.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use crate::world::{AUDIENCE, VERIFIER};

/// How to start the server of a language.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) language: &'static str,
    command: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

/// Those that the test command has built; none where tests are run without it.
pub(crate) fn kinds() -> Vec<Kind> {
    let set = |name: &str| std::env::var_os(name);
    let (Some(rust), Some(script), Some(python)) =
        (set("FLEET_RUST"), set("FLEET_TYPESCRIPT"), set("FLEET_PYTHON"))
    else {
        println!("not run: `cargo xtask test` builds the servers");
        return Vec::new();
    };
    let example = root().join("examples/python/server.py").into_os_string();
    vec![
        Kind::new("rust", vec![rust]),
        Kind::new("typescript", vec!["node".into(), script]),
        Kind::new("python", vec![python, example]),
    ]
}

impl Kind {
    fn new(language: &'static str, command: Vec<OsString>) -> Self {
        Self { language, command, environment: Vec::new() }
    }

    /// With that in its environment.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// With an argument for what runs the script, where one does.
    pub(crate) fn run_with(mut self, argument: impl Into<OsString>) -> Self {
        let at = self.command.len() - 1;
        self.command.insert(at, argument.into());
        self
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) language: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Follows these daemons; starts from that file while none answers.
    pub(crate) fn start(kind: &Kind, feeds: &[String], cache: Option<&Path>) -> Self {
        let mut command = Command::new(&kind.command[0]);
        command.args(&kind.command[1..]);
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("CROSSFADE_URL", feeds.join(","))
            .env("CROSSFADE_CREDENTIAL", VERIFIER)
            .env("CROSSFADE_AUDIENCE", AUDIENCE)
            .env("PYTHONPATH", root().join("clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(kind.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(cache) = cache {
            command.env("CROSSFADE_CACHE", cache);
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", kind.language));
        let mut stderr = child.stderr.take().expect("a pipe");
        let log = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let _ = stdout.read_line(&mut line);
        let Some(url) = line.trim().strip_prefix("listening on http://") else {
            let _ = child.kill();
            panic!("{}: {line}{}", kind.language, log.join().unwrap_or_default());
        };
        let address = url.trim_end_matches("/mcp").parse().expect("an address");
        // What it says is read, so that it never waits for us.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { language: kind.language, address, child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().expect("kill");
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
