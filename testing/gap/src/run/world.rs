//! All that runs, and what bots and watchers share.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use crossfade_testing_secretsmanager::{Fake, Server};
use tempfile::TempDir;

use super::{
    caller::Caller,
    process::{Process, config},
    slow::Slow,
    store,
    tally::{Phase, Tallies},
};
use crate::{BY_HAND, Kind, OURS, Plan, Settings, clock::now};

const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const DAEMON_KEY: &str = "AKIDGAPDAEMON";

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) fake: Server,
    pub(super) callers: BTreeMap<Kind, Caller>,
    pub(super) tallies: Tallies,
    /// Tokens that somebody has ended: no bot may use them any more.
    condemned: RwLock<Vec<String>>,
    phase: Mutex<(Phase, Option<Instant>)>,
    is_over: AtomicBool,
    servers: BTreeMap<Kind, Process>,
    daemon: Process,
    program: PathBuf,
    folder: TempDir,
    _slow: Slow,
}

impl World {
    pub(super) async fn start(plan: &Plan, program: &Path, daemon: &Path) -> Result<Self> {
        let fake = Fake::start().await?;
        store::make(&fake)?;
        let aws: SocketAddr = fake.endpoint().trim_start_matches("http://").parse()?;
        let slow = Slow::to(aws, plan.aws_delay).await?;
        let folder = tempfile::tempdir()?;
        let (listen, telemetry) = (free_address()?, free_address()?);
        std::fs::write(folder.path().join("config.yaml"), config(plan, listen, telemetry))?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = std::process::Command::new(daemon);
        command
            .args(["serve", "--config", "config.yaml"])
            .current_dir(folder.path())
            .envs(environment(slow.address))
            .stderr(log);
        let running = Process::start(&mut command)?;
        until_ready(telemetry, folder.path()).await?;
        let (mut servers, mut callers) = (BTreeMap::new(), BTreeMap::new());
        for kind in Kind::ALL {
            let millis = |time: Duration| u64::try_from(time.as_millis());
            let (ttl_ms, cool_down_ms) = (millis(plan.ttl)?, millis(plan.cool_down)?);
            let settings = Settings { kind, aws: slow.address, daemon: listen, ttl_ms, cool_down_ms };
            let program = program.to_owned();
            // It waits for a line, and the fake's tasks have to go on meanwhile.
            let started = tokio::task::spawn_blocking(move || Process::serve(&program, &settings));
            let (server, address) = started.await??;
            servers.insert(kind, server);
            callers.insert(kind, Caller::of(address));
        }
        Ok(Self {
            plan: plan.clone(),
            fake,
            callers,
            tallies: Tallies::default(),
            condemned: RwLock::default(),
            phase: Mutex::new((Phase::Quiet, None)),
            is_over: AtomicBool::new(false),
            servers,
            daemon: running,
            program: daemon.to_owned(),
            folder,
            _slow: slow,
        })
    }

    /// What a bot of that server finds.
    pub(super) fn read(&self, kind: Kind) -> Option<String> {
        let secret = if kind.is_ours() { OURS } else { BY_HAND };
        store::current(&self.fake, secret).map(|(_, token)| token)
    }

    pub(super) fn condemn(&self, tokens: impl IntoIterator<Item = String>) {
        self.condemned.write().unwrap_or_else(PoisonError::into_inner).extend(tokens);
    }

    pub(super) fn is_condemned(&self, token: &str) -> bool {
        self.condemned.read().unwrap_or_else(PoisonError::into_inner).iter().any(|one| one == token)
    }

    pub(super) fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = (phase, None);
    }

    /// The phase's first rotation is happening.
    pub(super) fn mark(&self) {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert_with(now);
    }

    /// The phase, and how long ago its first rotation was.
    pub(super) fn phase(&self) -> (Phase, Duration) {
        let (phase, since) = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        (phase, since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    pub(super) fn finish(&self) {
        self.is_over.store(true, Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Of a server, and of the daemon.
    pub(super) fn cpu(&self, kind: Kind) -> Result<[Duration; 2]> {
        let server = self.servers.get(&kind).context("no such server")?;
        Ok([server.cpu()?, self.daemon.cpu()?])
    }

    /// Gives the daemon an order, as an operator does.
    pub(super) async fn order(&self, arguments: &[&str]) -> Result<()> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(arguments).args(["--config", "config.yaml"]).current_dir(self.folder.path());
        let output = command.stdin(Stdio::null()).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} failed: {said}", arguments.join(" "));
        Ok(())
    }

    /// Waits until another version is current: which one was, is given.
    pub(super) async fn until_replaced(&self, before: &str) -> Result<()> {
        let began = now();
        while store::current(&self.fake, OURS).is_none_or(|(id, _)| id == before) {
            if began.elapsed() > PATIENCE {
                bail!("the daemon does not rotate: {}", log(self.folder.path()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

fn environment(aws: SocketAddr) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{aws}")),
        ("AWS_ACCESS_KEY_ID", DAEMON_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

async fn until_ready(telemetry: SocketAddr, folder: &Path) -> Result<()> {
    let (began, ready) = (now(), Caller::at(format!("http://{telemetry}/readyz")));
    while ready.fetch().await.is_none_or(|status| !status.is_success()) {
        ensure!(began.elapsed() < PATIENCE, "the daemon does not get ready: {}", log(folder));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
