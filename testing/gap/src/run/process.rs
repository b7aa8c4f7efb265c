//! Processes that are started for a run, end with it, and whose CPU time is read.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{Plan, Settings};

pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} can't be started", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// A server, and where it listens.
    pub(super) fn serve(program: &Path, settings: &Settings) -> Result<(Self, SocketAddr)> {
        let mut command = Command::new(program);
        let kind = clap::ValueEnum::to_possible_value(&settings.kind).context("a kind without a name")?;
        command
            .args(["serve", kind.get_name(), "--aws", &settings.aws.to_string()])
            .args(["--daemon", &settings.daemon.to_string(), "--ttl-ms", &settings.ttl_ms.to_string()])
            .args(["--cool-down-ms", &settings.cool_down_ms.to_string()])
            .stdout(Stdio::piped());
        let mut process = Self::start(&mut command)?;
        let mut line = String::new();
        let stdout = process.child.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse();
        Ok((process, address.with_context(|| format!("{} does not listen", settings.kind.name()))?))
    }

    /// How long its threads have run on a CPU (proc(5), `schedstat`: in nanoseconds).
    pub(super) fn cpu(&self) -> Result<Duration> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread that has just ended is missing from both counts.
            let Ok(stat) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            sum += stat.split(' ').next().context("an odd schedstat file")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the daemon is configured with.
pub(super) fn config(plan: &Plan, listen: SocketAddr, telemetry: SocketAddr) -> String {
    let Plan { freshness, sync, store_lag, grace, .. } = plan;
    let [freshness, sync, store_lag, grace] =
        [freshness, sync, store_lag, grace].map(|time| format!("{}ms", time.as_millis()));
    format!(
        "listen: {listen}
metrics_listen: {telemetry}
store: {{kind: aws, region: eu-west-1, store_lag: {store_lag}, write_lag: 0s}}
sync: {sync}
freshness: {freshness}
hold: 1h
secrets:
  - {{name: {ours}, client_id: slack-bot, audience: \"{audience}\", grace: {grace}}}
clients:
  - {{id: slack-mcp-server, role: verifier, audiences: [\"{audience}\"], credential_sha256: {hash}}}
",
        ours = crate::OURS,
        audience = crate::AUDIENCE,
        hash = crate::CREDENTIAL_SHA256,
    )
}
