//! An account in an emulator of AWS, with the bots in it as functions, and the daemon, a server and the stand-ins beside it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crossfade_testing_fleet::{
    free_port,
    process::{Answer, Daemon, call},
    servers::{Server, Setting},
    until,
};
use crossfade_testing_slack::{
    ANN, SECRET, SIGNING_SECRET, USER_TOKENS,
    bot::Header,
    mention::Mention,
    responses::{Hosted, Pace},
    system,
    workspace::Workspace,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{built, daemon, emulator::Emulator, ministack};

/// Of the bots, which have one header each.
pub(crate) const LANGUAGES: [&str; 2] = ["python", "typescript"];
const HEADERS: [Header; 2] = [Header::Authorization, Header::McpAccessToken];

/// Gone when it is dropped.
pub(crate) struct Cloud {
    pub(crate) hosted: Hosted,
    pub(crate) workspace: Workspace,
    pub(crate) server: Server,
    _daemon: Daemon,
    key: [String; 2],
    urls: Value,
    account: Mutex<Option<Account>>,
    emulator: Emulator,
    folder: TempDir,
    _runtime: Runtime,
}

impl Cloud {
    /// All of it is ready. None where the test command has not built it, or names no emulator.
    pub(crate) fn start(grace: Duration, pace: fn(&str) -> Pace) -> Option<Self> {
        let (servers, _) = built()?;
        let folder = tempfile::tempdir().expect("a folder");
        let emulator = ministack::start(folder.path())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (hosted, workspace) =
            runtime.block_on(async { (Hosted::start(pace).await, Workspace::start().await) });
        let (hosted, workspace) = (hosted.expect("a port"), workspace.expect("a port"));
        let mut account = Account::open(&emulator);
        let key = account.read();

        let (listen, metrics) = (free_port(), free_port());
        fs::write(folder.path().join("config.yaml"), system::config(listen, metrics, grace))
            .expect("a config");
        let daemon =
            Daemon::start(&mut command(&emulator, folder.path(), &key, &["serve", "--log-format", "text"]));
        until("the daemon is ready", || {
            call(metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
        });
        let environment = vec![("SLACK_API_URL", workspace.api().into())];
        let feeds = vec![format!("http://127.0.0.1:{listen}")];
        let server = Server::start_with(&servers[0], &Setting { feeds, environment, ..Setting::default() });
        let server = server.unwrap_or_else(|said| panic!("{said}"));

        let of_bot = |header| Value::from_iter(system::bot_environment(&workspace, &hosted, header, &server));
        account.write(&Value::from_iter(LANGUAGES.into_iter().zip(HEADERS.map(of_bot))));
        let urls = account.read();
        let account = Mutex::new(Some(account));
        Some(Self {
            hosted,
            workspace,
            server,
            _daemon: daemon,
            key,
            urls,
            account,
            emulator,
            folder,
            _runtime: runtime,
        })
    }

    /// As Slack delivers it, at the URL of that bot's function, which signs nothing for AWS.
    pub(crate) fn deliver(&self, language: &str, mention: &Mention) -> Answer {
        let url = self.urls[language].as_str().expect("a URL");
        let id = url.trim_start_matches("https://").split('.').next().expect("a name");
        let event = mention.event(SIGNING_SECRET);
        let headers = event["headers"].as_object().expect("headers").iter();
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.as_str().expect("text"))).collect();
        // In place of a name for each function, which no DNS here knows.
        let path = format!("/_aws/lambda-url/{id}/slack/events");
        let answer =
            call(self.emulator.port(), "POST", &path, &headers, event["body"].as_str().expect("text"));
        answer.unwrap_or_else(|error| panic!("{language}: {error}: {}", self.logged()))
    }

    pub(crate) fn token(&self) -> String {
        self.crossfade(&["token", SECRET])
    }

    pub(crate) fn rotate(&self) {
        self.crossfade(&["rotate", SECRET, "--wait"]);
    }

    fn crossfade(&self, arguments: &[&str]) -> String {
        let ran =
            command(&self.emulator, self.folder.path(), &self.key, arguments).output().expect("it starts");
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("text").trim().to_owned()
    }

    /// No token of anybody's stands in what the functions have logged.
    pub(crate) fn assert_discreet(&self) {
        let logged = self.logged();
        for language in LANGUAGES {
            assert!(logged.contains(&format!("{language}: START RequestId: ")), "{logged}");
        }
        let runs = self.hosted.runs();
        for token in runs.iter().map(|run| &*run.token).chain([ANN.1]) {
            assert!(!logged.contains(token), "{logged}");
        }
    }

    /// What the functions have logged: once, as it ends the account's use.
    pub(crate) fn logged(&self) -> String {
        let account = self.account.lock().unwrap_or_else(PoisonError::into_inner).take();
        account.map_or_else(String::new, Account::close)
    }
}

fn command(emulator: &Emulator, folder: &Path, key: &[String; 2], arguments: &[&str]) -> Command {
    let mut command = Command::new(daemon());
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("CROSSFADE_CONFIG")
        .env_remove("CROSSFADE_LOG")
        .env("AWS_ENDPOINT_URL", emulator.endpoint())
        .env("AWS_ACCESS_KEY_ID", &key[0])
        .env("AWS_SECRET_ACCESS_KEY", &key[1])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// The dialogue with `functions.py`.
struct Account {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Account {
    fn open(emulator: &Emulator) -> Self {
        let set = |name| env::var_os(name).unwrap_or_else(|| panic!("the test command sets {name}"));
        let secrets = json!({
            SECRET: "the-token-that-they-had-before",
            USER_TOKENS: json!({ANN.0: ANN.1}).to_string(),
        });
        let mut child = Command::new(set("BOTO_PYTHON"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slack/functions.py"))
            .args([emulator.endpoint(), secrets.to_string()])
            .args([set("SLACK_BOT_PYTHON"), set("SLACK_BOT_TYPESCRIPT")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    fn read<T: DeserializeOwned>(&mut self) -> T {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a pipe");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("functions.py: {error}: {line}"))
    }

    fn write(&mut self, value: &Value) {
        writeln!(self.input, "{value}").and_then(|()| self.input.flush()).expect("it reads");
    }

    fn close(self) -> String {
        let Self { mut child, input, mut output } = self;
        drop(input);
        let mut said = String::new();
        output.read_to_string(&mut said).expect("text");
        assert!(child.wait().expect("its end").success(), "functions.py: {said}");
        said
    }
}
