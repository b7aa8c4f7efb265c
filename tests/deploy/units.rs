//! The units, as systemd's own checker sees them. That they run is in `booted`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::{root, shipped};

const SERVICES: [&str; 2] = ["crossfade.service", "crossfade-once.service"];

/// What it says; none, and a line that says so, where there is no such program.
fn analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("SYSTEMD").is_none() => {
            println!("not run: systemd-analyze is not installed; `cargo xtask test --system` installs it");
            None
        }
        ran => Some(ran.expect("systemd-analyze")),
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat()
}

fn path(unit: &str) -> PathBuf {
    root().join("deploy/systemd").join(unit)
}

/// A folder that is a host's root, as far as the checker looks: the units, what they start, what they wait for.
fn host() -> TempDir {
    let host = tempfile::tempdir().expect("a folder");
    let at = |path: &str| host.path().join(path.trim_start_matches('/'));
    let units = at("/etc/systemd/system");
    fs::create_dir_all(&units).expect("a folder");
    for unit in ["crossfade.service", "crossfade-once.service", "crossfade-once.timer"] {
        fs::copy(path(unit), units.join(unit)).expect("a unit");
    }
    for target in ["basic", "multi-user", "network-online", "shutdown", "sysinit", "timers"] {
        fs::write(units.join(format!("{target}.target")), "[Unit]\n").expect("a unit");
    }
    for program in ["/usr/local/bin/crossfade", "/bin/kill"] {
        let program = at(program);
        fs::create_dir_all(program.parent().expect("its folder")).expect("a folder");
        fs::copy("/bin/true", program).expect("a program");
    }
    host
}

#[test]
fn the_units_have_nothing_that_systemd_minds() {
    let host = host();
    let root = format!("--root={}", host.path().display());
    for unit in ["crossfade.service", "crossfade-once.service", "crossfade-once.timer"] {
        let Some(output) = analyze(&[&root, "--man=no", "verify", unit]) else { return };
        // An unknown key is a warning to it, and no failure.
        assert!(output.status.success() && said(&output).is_empty(), "{unit}: {}", said(&output));
    }
}

#[test]
fn the_services_are_exposed_by_less_than_two_of_ten() {
    for unit in SERVICES {
        let unit = path(unit).display().to_string();
        let Some(output) = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager", &unit])
        else {
            return;
        };
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        let level = said.split("Overall exposure level for").nth(1).and_then(|rest| rest.split(' ').nth(2));
        let level: f64 = level.and_then(|level| level.parse().ok()).unwrap_or_else(|| panic!("{said}"));
        println!("{unit}: {level}");
        assert!(level < 2.0, "{said}");
    }
}

#[test]
fn both_services_are_hardened_alike_and_run_as_the_same_user() {
    let settings = |unit: &str| {
        let text = shipped(Path::new("deploy/systemd").join(unit).to_str().expect("text"));
        let (before, hardening) = text.split_once("# Hardened").expect("its hardening");
        let hardening = hardening.split("[Install]").next().unwrap_or_default();
        let common = ["User=", "StateDirectory=", "Environment=CROSSFADE_", "EnvironmentFile="];
        let common = before.lines().filter(move |line| common.iter().any(|key| line.starts_with(key)));
        let lines = common.chain(hardening.lines().skip(1)).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let [daemon, once] = SERVICES.map(settings);
    assert!(daemon.len() > 30, "{daemon:?}");
    assert_eq!(daemon, once);
    let users = shipped("deploy/systemd/crossfade.sysusers");
    assert!(users.contains("\nu crossfade - ") && daemon.contains(&"User=crossfade".to_owned()));
}
