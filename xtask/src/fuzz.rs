//! `cargo xtask fuzz`: searches each target of `fuzz/` for a while.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::tools;

#[path = "../../fuzz/properties/daemon/seeds.rs"]
mod daemon_seeds;
#[path = "../../fuzz/properties/seeds.rs"]
mod seeds;

/// How long each target is searched in the fast tier, and in the long one.
pub(crate) const SMOKE_S: u32 = 3;
pub(crate) const LONG_S: u32 = 60;

/// What is searched.
#[derive(Copy, Clone)]
pub(crate) enum Scope<'a> {
    /// What the verifier reads.
    Verifier,
    /// That, and what the daemon reads: its whole tree has to be built anew for it.
    All,
    /// One target.
    Target(&'a str),
}

/// Builds the targets and searches each one. A crash of one doesn't keep the others from it.
pub(crate) fn run(scope: Scope<'_>, seconds: u32) -> Result<()> {
    let of_daemon = daemon_seeds::seeds();
    let with_daemon = match scope {
        Scope::Verifier => false,
        Scope::All => true,
        Scope::Target(only) => of_daemon.iter().any(|(name, _)| *name == only),
    };
    let only = if let Scope::Target(only) = scope { Some(only) } else { None };
    let mut targets = seeds::seeds().to_vec();
    targets.extend(of_daemon.into_iter().filter(|_| with_daemon || only.is_some()));
    let known = targets.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    ensure!(only.is_none_or(|only| targets.iter().any(|(name, _)| *name == only)), "the targets are {known}");
    let root = &tools::root();
    // cargo-fuzz has no `--locked` of its own.
    let fetch = ["fetch", "--quiet", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
    tools::run(env!("CARGO"), &fetch, root)?;
    let built = cargo_fuzz("build", with_daemon, root)?.status().context("cargo-fuzz can't be started")?;
    ensure!(built.success(), "the targets can't be built: see above");

    let mut crashed = Vec::new();
    println!("{:<12} {:>10} {:>9} {:>7}  crashes", "target", "runs", "coverage", "corpus");
    for (name, seeds) in targets.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        if !search(name, seeds, seconds, with_daemon, root)? {
            crashed.push(*name);
        }
    }
    ensure!(crashed.is_empty(), "{} crashed; fuzz/README.md says how to replay that", crashed.join(", "));
    Ok(())
}

/// Whether nothing was found.
fn search(name: &str, seeds: &[Vec<u8>], seconds: u32, with_daemon: bool, root: &Path) -> Result<bool> {
    let folder = tools::target().join("fuzz");
    let (corpus, crashes) = (folder.join("corpus").join(name), folder.join("crashes").join(name));
    for folder in [&corpus, &crashes] {
        fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).context("a seed can't be written")?;
    }
    let mut fuzzer = cargo_fuzz("run", with_daemon, root)?;
    fuzzer.arg(name).arg(&corpus);
    let found = root.join("fuzz/found").join(name);
    if found.is_dir() {
        fuzzer.arg(found);
    }
    let time = format!("-max_total_time={seconds}");
    fuzzer.args(["--", &time, "-timeout=10", &format!("-artifact_prefix={}/", crashes.display())]);
    let output = fuzzer.stderr(Stdio::piped()).output().context("cargo-fuzz can't be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let well = output.status.success();
    // The last line of libFuzzer's that counts: `#4488 DONE cov: 82 ft: 154 corp: 81/3552b …`.
    let last = said.lines().rfind(|line| line.starts_with('#') && line.contains("cov: ")).unwrap_or_default();
    let word = |key: &str| last.split_whitespace().skip_while(|word| *word != key).nth(1).unwrap_or("?");
    let runs = last.split_whitespace().next().unwrap_or("?").trim_start_matches('#');
    let corpus = word("corp:").split('/').next().unwrap_or("?");
    println!("{name:<12} {runs:>10} {:>9} {corpus:>7}  {}", word("cov:"), usize::from(!well));
    if !well {
        eprintln!("{said}");
    }
    Ok(well)
}

/// Without a sanitizer: the crate has no `unsafe`, and the toolchain is a stable one.
fn cargo_fuzz(verb: &str, with_daemon: bool, root: &Path) -> Result<Command> {
    let mut command = Command::new(tools::cargo_fuzz()?);
    command.args(["fuzz", verb, "--sanitizer", "none", "--target-dir"]).arg(tools::target().join("fuzz"));
    if with_daemon {
        command.args(["--features", "daemon"]);
    }
    command.env("RUSTC_BOOTSTRAP", "1").current_dir(root);
    Ok(command)
}
