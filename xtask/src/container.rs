//! What the tests of the image need: a static binary, programs that build and run images, and the
//! right to run them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::tools;

/// What to do about each failure here.
const ELSE: &str = "the image is tested as root (or with a sudo that asks nothing) on Debian; elsewhere leave it out \
     with `cargo xtask test --without-container`";

/// Builds the static binary, installs what is missing, and says where the binary is.
pub(crate) fn prepare(full: bool) -> Result<PathBuf> {
    let privileged = tools::as_root("true").output().is_ok_and(|output| output.status.success());
    ensure!(privileged, "this user can't become root: {ELSE}");
    install().context(ELSE)?;
    static_binary(full)
}

/// buildah builds the image, runc runs it; both without a service.
fn install() -> Result<()> {
    let starts = |program| Command::new(program).arg("--version").output().is_ok();
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt").exists();
    if starts("buildah") && starts("runc") && certificates {
        return Ok(());
    }
    eprintln!("xtask: installing Debian's buildah and runc, for the tests of the image");
    tools::install(&["buildah", "runc", "ca-certificates"])
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
