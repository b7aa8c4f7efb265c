//! A folder with a config, a daemon on it, commands, and a verifier's and a bot's view.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use crossfade_testing_fleet::{
    BOT_SHA256, VERIFIER_SHA256, free_port,
    process::{Answer, Daemon, call},
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "mcp/slack-bot-token";
pub(crate) const AUDIENCE: &str = crossfade_testing_fleet::AUDIENCE;
pub(crate) const VERIFIER: &str = crossfade_testing_fleet::VERIFIER;
pub(crate) const BOT: &str = crossfade_testing_fleet::BOT;

/// What the machine that runs the tests may have set, and would be taken for the test's.
const OF_THE_MACHINE: [&str; 14] = [
    "ALL_PROXY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "http_proxy",
];

/// Waits for a condition, not for a time.
pub(crate) fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    crossfade_testing_fleet::until(what, condition)
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) listen: u16,
    pub(crate) metrics: u16,
    store: String,
    environment: Vec<(&'static str, String)>,
}

impl World {
    /// One secret, rotated by hand, with this grace.
    pub(crate) fn new(grace: &str) -> Self {
        Self::with_secrets(&format!(
            "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, scopes: [slack:search], grace: {grace}}}\n"
        ))
    }

    pub(crate) fn with_secrets(secrets: &str) -> Self {
        Self::on_a_store("{kind: embedded}", secrets, Vec::new())
    }

    /// Read so seldom that nothing but an order or a signal ends a poll early.
    pub(crate) fn with_slow_sync() -> Self {
        let world = Self::new("30m");
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        let slow = config.replace("sync: 300ms", "sync: 2m").replace("freshness: 1s", "freshness: 10m");
        fs::write(world.path("config.yaml"), slow.replace("hold: 60s", "hold: 1h")).expect("a write");
        world
    }

    /// On Secrets Manager, as that endpoint plays it.
    pub(crate) fn on_aws(endpoint: &str, access_key: &str, secrets: &str) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self::on_a_store("{kind: aws, region: eu-west-1, store_lag: 0s, write_lag: 0s}", secrets, environment)
    }

    /// One more variable for every process that is started from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.unset(name);
        self.environment.push((name, value.into()));
    }

    pub(crate) fn unset(&mut self, name: &'static str) {
        self.environment.retain(|(set, _)| *set != name);
    }

    pub(crate) fn on_a_store(store: &str, secrets: &str, environment: Vec<(&'static str, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store.to_owned();
        let world = Self { folder, listen: free_port(), metrics: free_port(), store, environment };
        world.write_config(secrets, "");
        world
    }

    pub(crate) fn write_config(&self, secrets: &str, more_clients: &str) {
        let Self { listen, metrics, store, .. } = self;
        let config = format!(
            "listen: 127.0.0.1:{listen}
metrics_listen: 127.0.0.1:{metrics}
store: {store}
sync: 300ms
freshness: 1s
hold: 60s
secrets:
{secrets}clients:
  - {{id: slack-mcp-server, role: verifier, audiences: [\"{AUDIENCE}\"],
     credential_sha256: {VERIFIER_SHA256}}}
  - {{id: slack-bot-host, role: bot, secrets: [{SECRET}],
     credential_sha256: {BOT_SHA256}}}
{more_clients}"
        );
        // As a whole: a half-written file must never be read.
        let (path, new) = (self.path("config.yaml"), self.path("config.new"));
        fs::write(&new, config).expect("a write");
        fs::rename(new, path).expect("a rename");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A daemon that is ready.
    pub(crate) fn start(&self) -> Daemon {
        let daemon = Daemon::start(self.command("serve").arg("--log-format").arg("text"));
        until("the daemon is ready", || {
            let ready = call(self.metrics, "GET", "/readyz", &[], "");
            ready.ok().filter(|answer| answer.status == 200)
        });
        daemon
    }

    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossfade"));
        command.current_dir(self.folder.path()).env_remove("CROSSFADE_CONFIG").env_remove("CROSSFADE_LOG");
        for name in OF_THE_MACHINE {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg(verb).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments[0]);
        command.args(&arguments[1..]).output().expect("it starts")
    }

    /// Runs a command that has to succeed; what it says.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command that has to fail so; what it says on stderr.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub(crate) fn token(&self) -> String {
        self.ok(&["token", SECRET]).trim().to_owned()
    }

    pub(crate) fn status(&self) -> Value {
        self.status_of(SECRET)
    }

    pub(crate) fn status_of(&self, secret: &str) -> Value {
        let output = self.run(&["status", secret, "-o", "json"]);
        let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        all[0].clone()
    }

    pub(crate) fn current(&self) -> String {
        self.status()["versions"][0]["version"].as_str().expect("a current version").to_owned()
    }

    /// Asks the verify endpoint.
    pub(crate) fn introspect(&self, token: &str) -> Answer {
        let form: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
        let basic = format!("Bearer {VERIFIER}");
        let headers = [("Authorization", &*basic), ("Content-Type", "application/x-www-form-urlencoded")];
        call(self.listen, "POST", "/v1/introspect", &headers, &format!("token={form}")).expect("an answer")
    }

    /// The stage of a token; none where it is refused. Unsure is not an answer: it is asked again.
    pub(crate) fn stage(&self, token: &str) -> Option<String> {
        let answer =
            until("a verdict", || Some(self.introspect(token)).filter(|answer| answer.status == 200));
        let body = answer.json();
        body["active"].as_bool()?.then(|| body["stage"].as_str().unwrap_or_default().to_owned())
    }
}
