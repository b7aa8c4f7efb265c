//! All of it, started and ended together: the strict fake, the daemon, and what stands in for the hosted parts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use crossfade_testing_fleet::{
    AUDIENCE, VERIFIER_SHA256, free_port,
    process::{Daemon, call},
    servers::{Kind as ServerKind, Server, Setting},
    until,
};
use crossfade_testing_secretsmanager::{Fake, Server as SecretsManager};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    ANN, BEN, BOT_TOKEN, SECRET, SIGNING_SECRET, USER_TOKENS,
    bot::{Bot, Header, Kind},
    responses::{Hosted, Pace},
    workspace::Workspace,
};

const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const USERS: &str = "00000000-0000-4000-8000-000000000002";

/// Short, so that a rotation takes a second. `grace` says how long a run may be.
pub const FRESHNESS: Duration = Duration::from_secs(1);

/// Everything but servers and bots; gone when it is dropped.
#[derive(Debug)]
pub struct System {
    daemon: Mutex<Option<Daemon>>,
    pub hosted: Hosted,
    pub workspace: Workspace,
    pub aws: SecretsManager,
    program: PathBuf,
    folder: TempDir,
    listen: u16,
    metrics: u16,
    grace: Duration,
    _runtime: Runtime,
}

impl System {
    /// With that daemon, which is ready. Fresh tokens are good for `grace` after they were replaced.
    pub fn start(
        program: &Path,
        grace: Duration,
        pace: impl Fn(&str) -> Pace + Send + Sync + 'static,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (aws, hosted, workspace) = runtime.block_on(async {
            Ok::<_, io::Error>((Fake::start().await?, Hosted::start(pace).await?, Workspace::start().await?))
        })?;
        let tokens = json!({ANN.0: ANN.1, BEN.0: BEN.1}).to_string();
        aws.person().create(SECRET, FIRST, "the-token-that-they-had-before").context("a secret")?;
        aws.person().create(USER_TOKENS, USERS, &tokens).context("a secret")?;
        let (listen, metrics, folder) = (free_port(), free_port(), tempfile::tempdir()?);
        let program = std::path::absolute(program)?;
        let daemon = Mutex::default();
        let system = Self {
            daemon,
            hosted,
            workspace,
            aws,
            program,
            folder,
            listen,
            metrics,
            grace,
            _runtime: runtime,
        };
        fs::write(system.folder.path().join("config.yaml"), config(listen, metrics, grace))?;
        system.start_daemon();
        Ok(system)
    }

    /// How long a bot may use a token that it has read as the current one.
    pub fn rightful(&self) -> Duration {
        self.grace.saturating_sub(FRESHNESS)
    }

    /// With SIGKILL.
    pub fn kill_daemon(&self) {
        *self.daemon() = None;
    }

    /// Returns when it is ready.
    pub fn start_daemon(&self) {
        *self.daemon() = Some(Daemon::start(&mut self.command(&["serve", "--log-format", "text"])));
        until("the daemon is ready", || {
            let ready = call(self.metrics, "GET", "/readyz", &[], "");
            ready.ok().filter(|answer| answer.status == 200)
        });
    }

    /// Of the daemon, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon().as_ref().map(Daemon::pid)
    }

    fn daemon(&self) -> MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a command of the daemon's program, which has to succeed: what it prints.
    pub fn crossfade(&self, arguments: &[&str]) -> Result<String> {
        let output = self.try_crossfade(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "crossfade {}: {said}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The same, whatever comes of it.
    pub fn try_crossfade(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command(arguments).output()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).env_remove("CROSSFADE_CONFIG").env_remove("CROSSFADE_LOG");
        command.envs(self.aws_environment("AKIDDAEMON")).args(arguments).stdin(Stdio::null());
        command
    }

    /// One that listens.
    pub fn server(&self, kind: &ServerKind) -> Result<Server, String> {
        let feeds = vec![format!("http://127.0.0.1:{}", self.listen)];
        let environment = vec![("SLACK_API_URL", self.workspace.api().into())];
        Server::start_with(kind, &Setting { feeds, environment, ..Setting::default() })
    }

    /// One that is ready, and has the server's token in that header.
    pub fn bot(&self, kind: &Kind, header: Header, server: &Server) -> io::Result<Bot> {
        let mut environment = self.aws_environment("AKIDBOT").to_vec();
        environment.extend(bot_environment(&self.workspace, &self.hosted, header, server));
        Bot::start(kind, &environment)
    }

    /// The version that a token is of, and how it stands now.
    pub fn version(&self, token: &str) -> Option<(String, &'static str)> {
        let secret = self.aws.secret(SECRET)?;
        let version = secret.versions().iter().find(|version| version.text() == Some(token))?;
        let bears = |label: &str| secret.labels().get(label).is_some_and(|on| *on == version.id);
        let marked = |(label, on): (&String, &String)| {
            let is_end = label.starts_with("crossfade-ended-") || label.starts_with("crossfade-compromised-");
            is_end && *on == version.id
        };
        let stage = match (bears("AWSCURRENT"), bears("AWSPENDING")) {
            (true, _) => "current",
            (false, true) => "pending",
            (false, false) if secret.labels().iter().any(marked) => "ended",
            (false, false) => "previous",
        };
        Some((version.id.clone(), stage))
    }

    fn aws_environment(&self, access_key: &str) -> [(&'static str, String); 6] {
        [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.aws.endpoint()),
            // Lambda sets both: not every SDK reads the first.
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

/// Of a daemon that rotates the bot's secret, wherever its Secrets Manager is.
pub fn config(listen: u16, metrics: u16, grace: Duration) -> String {
    format!(
        "listen: 127.0.0.1:{listen}
metrics_listen: 127.0.0.1:{metrics}
store: {{kind: aws, region: eu-west-1, store_lag: 0s, write_lag: 0s}}
sync: 300ms
freshness: {}s
hold: 60s
secrets:
  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: {}s}}
clients:
  - {{id: slack-mcp-server, role: verifier, audiences: [\"{AUDIENCE}\"], credential_sha256: {VERIFIER_SHA256}}}
",
        FRESHNESS.as_secs(),
        grace.as_secs()
    )
}

/// What a bot takes from its environment, but for AWS.
pub fn bot_environment(
    workspace: &Workspace,
    hosted: &Hosted,
    header: Header,
    server: &Server,
) -> [(&'static str, String); 9] {
    [
        ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
        ("SLACK_BOT_TOKEN", BOT_TOKEN.to_owned()),
        ("SLACK_USER_TOKENS_SECRET", USER_TOKENS.to_owned()),
        ("SLACK_API_URL", workspace.api()),
        ("OPENAI_API_KEY", "none".to_owned()),
        ("OPENAI_BASE_URL", hosted.base_url()),
        ("MCP_SERVER_URL", server.url()),
        ("MCP_TOKEN_SECRET", SECRET.to_owned()),
        ("MCP_TOKEN_HEADER", header.as_str().to_owned()),
    ]
}
