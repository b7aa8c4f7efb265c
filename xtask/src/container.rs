//! What the tests of the image and of systemd's units need: a static binary, programs that build and run images, systemd,
//! and the right to run them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::tools;

/// What to do about each failure here.
const ELSE: &str = "the image and the units are tested as root (or with a sudo that asks nothing) on Debian; elsewhere leave them out \
     with `cargo xtask test --without-container`";

/// Where Debian has it: what runs the units of `deploy/systemd`.
pub(crate) const SYSTEMD: &str = "/lib/systemd/systemd";

/// Builds the static binary, installs what is missing, and says where the binary is.
pub(crate) fn prepare(full: bool) -> Result<PathBuf> {
    let privileged = tools::as_root("true").output().is_ok_and(|output| output.status.success());
    ensure!(privileged, "this user can't become root: {ELSE}");
    install().context(ELSE)?;
    static_binary(full)
}

/// buildah builds the image, runc runs it; both without a service. systemd is started by tests alone.
fn install() -> Result<()> {
    let starts = |program| Command::new(program).arg("--version").output().is_ok();
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt").exists();
    if starts("buildah") && starts("runc") && certificates && Path::new(SYSTEMD).exists() {
        return Ok(());
    }
    eprintln!(
        "xtask: installing Debian's buildah, runc and systemd, for the tests of the image and of the units"
    );
    tools::install(&["buildah", "runc", "ca-certificates", "systemd"])
}

/// In a folder of its own: its flags would have everything else built again.
fn static_binary(full: bool) -> Result<PathBuf> {
    let folder = tools::target().join("static");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let (profile, built) = if full { ("release", "release") } else { ("dev", "debug") };
    eprintln!("xtask: cargo build --profile {profile}, static, for the tests of the image");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "crossfade", "--bin", "crossfade"])
        .args(["--profile", profile, "--target", &target, "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cargo can't be started: is the toolchain still installed?")?;
    ensure!(
        status.success(),
        "the static build failed: see above. It needs libc's archive, in Debian's libc6-dev"
    );
    Ok(folder.join(target).join(built).join("crossfade"))
}
