//! `cargo xtask lint`: what has to hold of the sources before anything is run.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{steps::Steps, tools};

/// Of what others embed: it has to build with each set of features, not with those alone that the workspace happens to
/// unite.
const FEATURES: [&str; 5] = ["", "verifier", "tower", "http", "tower,http,tls"];

const STRICT: [&str; 3] = ["--", "-D", "warnings"];

pub(crate) fn run() -> Result<()> {
    let steps = Steps::begin();
    // The workspace's own is looked at by all that follows.
    steps.run("lock file of the fuzz targets", || {
        cargo(&["update", "--quiet", "--workspace", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
    });
    steps.run("format", || cargo(&["fmt", "--all", "--check"]));
    steps.run("lints", || {
        cargo(&[&["clippy", "--workspace", "--all-targets", "--locked"], &STRICT[..]].concat())
    });
    for features in FEATURES {
        let verify = ["clippy", "--quiet", "--package", "crossfade-verify", "--locked"];
        let only = ["--no-default-features", "--features", features];
        steps.run(format!("lints of crossfade-verify with \"{features}\" alone"), || {
            cargo(&[&verify[..], &only, &STRICT].concat())
        });
    }
    steps.run("lints of crossfade-verify with all features", || {
        let verify = ["clippy", "--quiet", "--package", "crossfade-verify", "--locked"];
        cargo(&[&verify[..], &["--all-targets", "--all-features"], &STRICT].concat())
    });
    steps.run("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--locked"];
        status(Command::new(env!("CARGO")).args(doc).env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.run("dependencies: bans, licences, sources", || {
        let deny = tools::cargo_deny()?;
        status(
            Command::new(deny)
                .args(["--locked", "check", "bans", "licenses", "sources"])
                .current_dir(tools::root()),
        )
    });
    steps.end(false)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    status(Command::new(env!("CARGO")).args(arguments))
}

/// Runs a command that says itself what it finds.
fn status(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} can't be started"))?;
    ensure!(status.success(), "{program} ended with {status}: see above");
    Ok(())
}
