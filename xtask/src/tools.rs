//! Programs that the tests run, kept under `target/tools`: nothing is installed on the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Prometheus' own linter for metrics, from Debian's package.
pub(crate) fn promtool() -> Result<PathBuf> {
    let folder = folder().join("prometheus");
    let program = folder.join("usr/bin/promtool");
    if !program.exists() {
        eprintln!("xtask: fetching Debian's prometheus for promtool");
        unpack_debian("prometheus", &folder).context(
            "promtool can't be had: this needs apt-get and the package lists (run `apt-get update` as root)",
        )?;
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
    command("apt-get", &["update", "--quiet"], here)
        .and_then(|()| {
            command("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "curl"], here)
        })
        .context("curl is missing and can't be installed: install it as root (`apt-get install curl`)")
}

fn folder() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).join("target/tools")
}

/// Downloads a package, and unpacks it without installing it.
fn unpack_debian(package: &str, into: &Path) -> Result<()> {
    let parts = into.with_extension("download");
    fs::create_dir_all(&parts)?;
    // A fresh machine has no package lists; without the right to fetch them, the old ones may do.
    drop(command("apt-get", &["update", "--quiet"], &parts));
    command("apt-get", &["download", "--quiet", package], &parts)?;
    let files = fs::read_dir(&parts)?.collect::<std::io::Result<Vec<_>>>()?;
    let file = files.iter().map(fs::DirEntry::path).find(|path| path.extension().is_some_and(|e| e == "deb"));
    let file = file.context("apt-get left no package behind")?;
    let unpacked = into.with_extension("unpacked");
    command("dpkg-deb", &["-x", &file.to_string_lossy(), &unpacked.to_string_lossy()], &parts)?;
    fs::rename(&unpacked, into)?;
    Ok(fs::remove_dir_all(&parts)?)
}

fn command(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.with_context(|| format!("{program} can't be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {} failed: {said}", arguments.join(" "));
    Ok(())
}
