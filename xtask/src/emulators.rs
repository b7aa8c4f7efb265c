//! Emulators of AWS for `tests/emulators`, `tests/deploy` and `tests/slack`, and what the latter two deploy with, from PyPI,
//! in the versions that `xtask/emulators.txt` pins.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    part::{Environment, Part},
    tools,
};

/// Changes with every pin, and so makes a new folder.
const PINS: &str = include_str!("../emulators.txt");

/// Variables that name a program, and what is run in the environment where they name none. A script that pip makes
/// would name the folder that it was made in.
const PROGRAMS: [(&str, &str); 5] = [
    ("MOTO_SERVER", r#""$here/python" -m moto.server"#),
    ("ROTO_SERVER", r#""$here/roto-server""#),
    ("MINISTACK", r#""$here/python" -m ministack"#),
    ("CFN_LINT", r#""$here/python" -c "import sys; from cfnlint.runner import main; sys.exit(main())""#),
    ("BOTO_PYTHON", r#""$here/python""#),
];

pub(crate) fn part() -> Part {
    let name = "emulators of AWS (moto, roto, ministack), cfn-lint, boto3".to_owned();
    Part { name, from: "PyPI", megabytes: 345, place: place(), fetch: emulators }
}

/// Each variable, and the program that the tests start.
fn emulators() -> Result<Environment> {
    let environment = environment()?;
    let program =
        |variable: &'static str| (variable, environment.join("bin").join(variable).into_os_string());
    Ok(PROGRAMS.map(|(variable, _)| program(variable)).into())
}

fn place() -> PathBuf {
    tools::folder().join(format!("emulators-{:016x}", fingerprint(PINS)))
}

fn environment() -> Result<PathBuf> {
    let folder = place();
    if !folder.exists() {
        tools::whole(&folder, install).context(
            "the emulators can't be had: they need Python 3.11 or newer with venv, and PyPI over the network",
        )?;
    }
    Ok(folder)
}

fn install(work: &Path) -> Result<PathBuf> {
    let environment = work.join("environment");
    tools::run("python3", &["-m", "venv", "environment"], work)?;
    let pins = work.join("emulators.txt");
    fs::write(&pins, PINS).with_context(|| format!("{} can't be written", pins.display()))?;
    // Only what is pinned, and nothing that would have to be built.
    let options =
        ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:"];
    let install = ["-m", "pip", "install", "--requirement", "emulators.txt"];
    let python = environment.join("bin/python");
    tools::run(&python.to_string_lossy(), &[&install[..], &options].concat(), work)?;
    for (variable, command) in PROGRAMS {
        let script = environment.join("bin").join(variable);
        let text = format!("#!/bin/sh\nhere=\"${{0%/*}}\"\nexec {command} \"$@\"\n");
        fs::write(&script, text)
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("{} can't be written", script.display()))?;
    }
    Ok(environment)
}

/// FNV-1a.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
