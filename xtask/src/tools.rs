//! Programs that the tests run, kept under `target/tools`: no rights are needed, and nothing is
//! installed on the machine (but curl, where even that is missing).

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::{Context as _, Result, ensure};

/// The version that the metrics are held to. Debian keeps only the newest build of it, so the build
/// is left open.
const PROMETHEUS: &str = "2.42";

/// Names a program that is used instead of the one that is fetched.
const PROMTOOL: &str = "PROMTOOL";

/// Prometheus' own linter for metrics, from Debian's package.
pub(crate) fn promtool() -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "developer commands have no `cli::context`")]
    if let Some(own) = std::env::var_os(PROMTOOL) {
        return Ok(own.into());
    }
    let unpacked = folder().join(format!("prometheus-{PROMETHEUS}"));
    let program = unpacked.join("usr/bin/promtool");
    if !program.exists() {
        eprintln!("xtask: fetching Debian's prometheus {PROMETHEUS} for promtool");
        let package = format!("prometheus={PROMETHEUS}.*");
        whole(&unpacked, |work| fetch_debian(&package, work)).with_context(|| {
            format!(
                "promtool can't be had: it comes from Debian 12's package `prometheus`, by apt-get and over the \
                 network; elsewhere set {PROMTOOL} to a promtool {PROMETHEUS} of your own"
            )
        })?;
    }
    Ok(program)
}

/// The tour of the README asks with it; most machines have it.
pub(crate) fn curl() -> Result<()> {
    if Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    eprintln!("xtask: installing Debian's curl, for the README's tour");
    let here = Path::new(".");
    run("apt-get", &["update", "--quiet"], here)
        .and_then(|()| {
            run("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "curl"], here)
        })
        .context("curl is missing and can't be installed: install it as root (`apt-get install curl`)")
}

/// Where they are kept.
pub(crate) fn folder() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).join("target/tools")
}

/// Makes a folder that appears whole or not at all. `make` works in another one, and says what is to appear.
pub(crate) fn whole(into: &Path, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
    // Of this process, so that two runs at once don't write into each other's.
    let mut work = into.as_os_str().to_owned();
    work.push(format!(".{}.part", process::id()));
    let work = PathBuf::from(work);
    let made = fs::create_dir_all(&work).with_context(|| format!("{} can't be made", work.display()));
    let result = made.and_then(|()| make(&work)).and_then(|made| match fs::rename(made, into) {
        // The other run was faster.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result.with_context(|| format!("{} can't be made", into.display())),
    });
    drop(fs::remove_dir_all(&work));
    result
}

/// Downloads a package and unpacks it without installing it.
fn fetch_debian(package: &str, work: &Path) -> Result<PathBuf> {
    let (lists, cache) = (work.join("lists"), work.join("cache"));
    for folder in [lists.join("partial"), cache.join("archives/partial")] {
        fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    // Lists of our own: a fresh machine has none, and only root may write to the machine's. Root would
    // download as a user of apt's, who may have no way into the checkout.
    let apt = |arguments: &[&str]| {
        let lists = format!("Dir::State::Lists={}", lists.display());
        let cache = format!("Dir::Cache={}", cache.display());
        let options = ["--quiet", "-o", &lists, "-o", &cache, "-o", "APT::Sandbox::User=root"];
        run("apt-get", &[&options[..], arguments].concat(), work)
    };
    // One source among several that doesn't answer fails this, and need not be ours.
    let updated = apt(&["update"]);
    if let Err(error) = apt(&["download", package]) {
        // The cause, where it is the lists.
        return updated.and(Err(error));
    }
    let files = fs::read_dir(work)?.collect::<io::Result<Vec<_>>>()?;
    let file = files.iter().map(fs::DirEntry::path).find(|path| path.extension().is_some_and(|e| e == "deb"));
    let file = file.context("apt-get left no package behind")?;
    run("dpkg-deb", &["-x", &file.to_string_lossy(), "unpacked"], work)?;
    Ok(work.join("unpacked"))
}

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.with_context(|| format!("{program} can't be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {} failed: {}", arguments.join(" "), said.trim());
    Ok(())
}
