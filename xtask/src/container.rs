//! What the tests of the image and of systemd's units need: a static binary, programs that build and run images, systemd,
//! and the right to run them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{bench::DIST, tools};

/// What to do about each failure here.
const ELSE: &str = "the image and the units are tested as root (or with a sudo that asks nothing) on Debian: without `--system` they are left \
     out of `cargo xtask test`";

/// What runs images without a service, what a host's first process is, and what the README's tour asks with.
pub(crate) const PACKAGES: [&str; 5] = ["buildah", "runc", "ca-certificates", "curl", "systemd"];

/// Where Debian has it: what runs the units of `deploy/systemd`.
pub(crate) const SYSTEMD: &str = "/lib/systemd/systemd";

/// Installs what is missing. buildah builds the image, runc runs it; both without a service. systemd is started by tests
/// alone.
pub(crate) fn install() -> Result<()> {
    let privileged = tools::as_root("true").output().is_ok_and(|output| output.status.success());
    ensure!(privileged, "this user can't become root: {ELSE}");
    let starts = |program| Command::new(program).arg("--version").output().is_ok();
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt").exists();
    if starts("buildah") && starts("runc") && starts("curl") && certificates && Path::new(SYSTEMD).exists() {
        return Ok(());
    }
    tools::install(&PACKAGES).context(ELSE)
}

/// As the document has it, for the long tier; in the fast one without optimisation, and with what the tests' own build has
/// made of the dependencies.
pub(crate) fn static_binary(full: bool) -> Result<PathBuf> {
    const STATIC: &str = "target-feature=+crt-static";
    let folder = tools::target().join("static");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg(if full { "build" } else { "rustc" });
    cargo.args(["--locked", "--package", "crossfade", "--bin", "crossfade"]);
    let built = if full {
        cargo.args(["--profile", DIST, "--target", &target, "--target-dir"]).arg(&folder);
        cargo.env("RUSTFLAGS", format!("-C {STATIC}")).env_remove("CARGO_ENCODED_RUSTFLAGS");
        folder.join(target).join(DIST).join("crossfade")
    } else {
        cargo.args(["--", "-C", STATIC]);
        tools::target().join("debug/crossfade")
    };
    let status = cargo.status().context("cargo can't be started: is the toolchain still installed?")?;
    ensure!(
        status.success(),
        "the static build failed: see above. It needs libc's archive, in Debian's libc6-dev"
    );
    if full {
        return Ok(built);
    }
    // The tests' own build puts another one in its place.
    let kept = folder.join("crossfade");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(&built, &kept))
        .with_context(|| format!("{} can't be written", kept.display()))?;
    Ok(kept)
}
