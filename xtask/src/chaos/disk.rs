//! A disk that can be full: a small file system of its own where we may mount one, else a limit on the size of files.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::daemon::Daemon;

/// Its size and whose it is, where it is one of its own.
const OPTIONS: &str = "size=24m,mode=0700";

pub(super) enum Disk {
    Own(PathBuf),
    /// Of one daemon: it is killed by no signal, for it was started with that one ignored.
    Limited,
}

impl Disk {
    pub(super) fn at(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", OPTIONS, "tmpfs"]).arg(folder).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        Ok(if mounted { Self::Own(folder.to_owned()) } else { Self::Limited })
    }

    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Full from now on.
    pub(super) fn fill(&self, daemon: &Daemon) {
        match self {
            Self::Own(folder) => {
                let block = vec![0_u8; 64 * 1024];
                if let Ok(mut file) = fs::File::create(folder.join("filler")) {
                    while file.write_all(&block).is_ok() {}
                    while file.write_all(&[0]).is_ok() {}
                }
            }
            Self::Limited => limit(daemon, "--fsize=4096:"),
        }
    }

    /// Empty enough again.
    pub(super) fn free(&self, daemon: &Daemon) {
        match self {
            Self::Own(folder) => drop(fs::remove_file(folder.join("filler"))),
            Self::Limited => limit(daemon, "--fsize=unlimited:"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Own(folder) = self {
            drop(Command::new("umount").arg("--lazy").arg(folder).status());
        }
    }
}

fn limit(daemon: &Daemon, limit: &str) {
    if let Some(pid) = daemon.pid() {
        drop(Command::new("prlimit").args(["--pid", &pid.to_string(), limit]).stderr(Stdio::null()).status());
    }
}
