//! `check --live`: the real binary, the real SDK, and the strict fake over HTTP.

mod aws;
mod embedded;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// The binary with a config in its own folder, and nothing of this machine's own environment for AWS.
pub(crate) fn check_live(folder: &Path, config: &str, environment: &[(&str, &str)]) -> Output {
    std::fs::write(folder.join("config.yaml"), config).expect("a write");
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossfade"));
    command.env_clear().current_dir(folder).args(["check", "--live"]).stdin(Stdio::null());
    command.envs(environment.iter().copied()).output().expect("it starts")
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
