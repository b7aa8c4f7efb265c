//! The units where systemd runs them: it is the first process of namespaces of its own, made by `boot.sh`.

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Child, Command, Output, Stdio},
};

use crossfade_testing_fleet::{process::as_root, until};
use tempfile::TempDir;

use crate::{blocks, root};

/// A host, gone with the test, whichever way that ends: `boot.sh` waits for the end of its standard input.
struct Host {
    folder: TempDir,
    first: String,
    keeper: Child,
}

impl Host {
    /// None where the test command names no systemd.
    fn boot() -> Option<Self> {
        let Some(systemd) = std::env::var_os("SYSTEMD") else {
            println!("not run: SYSTEMD names none; `cargo xtask test --system` installs it");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        // The checkout, as the document's commands see it.
        symlink(root().join("deploy"), folder.path().join("deploy")).expect("a link");
        fs::create_dir_all(folder.path().join("target/dist")).expect("a folder");
        let binary = folder.path().join("target/dist/crossfade");
        symlink(env!("CARGO_BIN_EXE_crossfade"), binary).expect("a link");
        let mut keeper = as_root("sh");
        keeper.arg(root().join("tests/deploy/boot.sh")).arg(folder.path()).arg(systemd);
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("sh");
        let first = until("it boots", || fs::read_to_string(folder.path().join("pid")).ok());
        let host = Self { folder, first: first.trim().to_owned(), keeper };
        until("systemd answers", || host.run("systemctl list-units").status.success().then_some(()));
        Some(host)
    }

    /// Runs a script of a shell there, as root, in a folder that looks like a checkout.
    fn run(&self, script: &str) -> Output {
        let script = format!("cd {}\n{script}", self.folder.path().display());
        let mut command: Command = as_root("nsenter");
        command.args(["--target", &self.first, "--all", "--", "sh", "-euc", &script]);
        command.stdin(Stdio::null()).output().expect("nsenter")
    }

    /// What a script prints; where it fails, that, with how our units are and what they said.
    fn attempt(&self, script: &str) -> Result<String, String> {
        let ran = self.run(script);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if ran.status.success() {
            return Ok(text(&ran.stdout));
        }
        let units =
            self.run("systemctl status --no-pager --full 'crossfade*' || true\ntail -n 40 /run/units.log");
        let [out, complaints, units] = [&ran.stdout, &ran.stderr, &units.stdout].map(|bytes| text(bytes));
        Err(format!("{script}: {}\n{out}\n{complaints}\n{units}", ran.status))
    }

    /// A script that has to succeed; what it prints.
    fn ok(&self, script: &str) -> String {
        self.attempt(script).unwrap_or_else(|why| panic!("{why}"))
    }

    fn shows(&self, unit: &str, property: &str) -> String {
        self.ok(&format!("systemctl show --value --property {property} {unit}"))
    }

    fn config(&self, text: &str) {
        fs::write(self.folder.path().join("config.yaml"), text).expect("a config");
    }

    /// Puts the config there as the document does.
    fn configure(&self, text: &str) {
        self.config(text);
        self.ok("install -D -m 0640 -g crossfade config.yaml /etc/crossfade/config.yaml");
    }

    fn crossfade(&self, arguments: &str) -> String {
        self.ok(&format!("runuser -u crossfade -- crossfade -c /etc/crossfade/config.yaml {arguments}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The document's config, with times that a test can wait for.
fn config() -> String {
    blocks("yaml").remove(0) + "    grace: 20s\nsync: 300ms\nfreshness: 1s\nhold: 60s\n"
}

#[test]
fn the_daemon_is_installed_as_the_document_says_and_runs_hardened_through_kills_and_wrong_configs() {
    let Some(host) = Host::boot() else { return };
    let [install, reload, _] = blocks("sh").try_into().expect("three blocks of commands");
    host.config(&config());
    let status = host.ok(&install);
    assert!(status.contains("mcp/slack-bot-token"), "`enable --now` returned when it was ready: {status}");

    let old = host.crossfade("token mcp/slack-bot-token");
    host.crossfade("rotate mcp/slack-bot-token --wait");
    assert_ne!(host.crossfade("token mcp/slack-bot-token"), old, "nothing that it needs is kept from it");

    let process = host.shows("crossfade", "MainPID");
    let status = host.ok(&format!("cat /proc/{process}/status"));
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    host.ok(&format!("test $(stat -c %U /proc/{process}) = crossfade"));

    host.ok(&reload);
    assert_eq!(host.shows("crossfade", "MainPID"), process, "a reload is no restart");
    host.configure("store: {kind: nowhere}\n");
    assert!(!host.run(&reload).status.success(), "a wrong config fails the reload");
    host.crossfade("health");

    host.configure(&config());
    host.ok(&format!("kill -KILL {process}"));
    until("it is started again", || (host.shows("crossfade", "NRestarts") == "1").then_some(()));
    until("and is ready", || (host.shows("crossfade", "ActiveState") == "active").then_some(()));
    host.crossfade("health");

    host.configure("store: {kind: nowhere}\n");
    let why = host.attempt("systemctl restart crossfade").expect_err("a wrong config starts nothing");
    for told in ["Active: failed", "status=2", "kind: nowhere"] {
        assert!(
            why.contains(told),
            "a failure shows the unit's state and words, not only where they would be: {why}"
        );
    }
    assert_eq!(host.shows("crossfade", "ActiveState"), "failed", "no restart mends a wrong config");

    host.configure(&config());
    host.ok("systemctl start crossfade && systemctl stop crossfade");
    assert_eq!(host.shows("crossfade", "Result"), "success", "SIGTERM is obeyed");
}

#[test]
fn the_timer_is_set_and_what_it_starts_does_one_pass_and_leaves_the_daemon_s_socket_alone() {
    let Some(host) = Host::boot() else { return };
    let [install, _, timer] = blocks("sh").try_into().expect("three blocks of commands");
    host.config(&config());
    host.ok(&install);
    host.ok(&timer);
    assert_eq!(host.shows("crossfade-once.timer", "ActiveState"), "active");
    assert_ne!(host.shows("crossfade-once.timer", "NextElapseUSecRealtime"), "", "it will go off");

    host.ok("systemctl start crossfade-once");
    assert_eq!(host.shows("crossfade-once", "Result"), "success");
    host.crossfade("health");
    host.ok("test -S /run/crossfade/crossfade.sock");

    host.ok("systemctl stop crossfade");
    let old = host.crossfade("token mcp/slack-bot-token");
    host.configure(&config().replace("every: 12h", "every: 3s"));
    until("a slot is due, and met", || {
        // systemd counts starts, and a test makes many.
        host.ok("systemctl reset-failed crossfade-once && systemctl start crossfade-once");
        (host.crossfade("token mcp/slack-bot-token") != old).then_some(())
    });
    host.configure("store: {kind: nowhere}\n");
    assert!(!host.run("systemctl start crossfade-once").status.success(), "a run that fails is seen");
}
