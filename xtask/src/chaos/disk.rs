//! A disk that can be full: a small file system of its own where we may mount one, else a limit on the size of files.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::daemon::Daemon;

/// Its size and whose it is, where it is one of its own.
const OPTIONS: &str = "size=24m,mode=0700";

pub(super) struct Disk {
    folder: PathBuf,
    kind: Kind,
}

#[derive(Copy, Clone)]
enum Kind {
    Own,
    /// Of one daemon: it is killed by no signal, for it was started with that one ignored.
    Limited,
}

impl Disk {
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", OPTIONS, "tmpfs"]).arg(folder).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        Ok(Self { folder: folder.to_owned(), kind: if mounted { Kind::Own } else { Kind::Limited } })
    }

    pub(super) const fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own)
    }

    /// Full from now on.
    pub(super) fn fill(&self, daemon: &Daemon) {
        match self.kind {
            Kind::Own => {
                let block = vec![0_u8; 64 * 1024];
                if let Ok(mut file) = fs::File::create(self.folder.join("filler")) {
                    while file.write_all(&block).is_ok() {}
                    while file.write_all(&[0]).is_ok() {}
                }
            }
            Kind::Limited => limit(daemon, "--fsize=4096:"),
        }
    }

    /// Empty enough again.
    pub(super) fn free(&self, daemon: &Daemon) {
        match self.kind {
            Kind::Own => drop(fs::remove_file(self.folder.join("filler"))),
            Kind::Limited => limit(daemon, "--fsize=unlimited:"),
        }
    }
}

impl Disk {
    /// What kubelet does at a mount: everything belongs to the pod's group, which may write it.
    pub(super) fn give_to_our_group(&self) -> io::Result<()> {
        let more = |path: &Path, bits: u32| {
            let mode = fs::metadata(path)?.permissions().mode() | bits;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        };
        more(&self.folder, 0o2770)?;
        for entry in fs::read_dir(&self.folder)? {
            match more(&entry?.path(), 0o660) {
                // SQLite's own come and go.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The database bears another name for as long as that takes.
    pub(super) fn without_database(&self, meanwhile: impl FnOnce()) -> io::Result<()> {
        let (database, aside) = (self.folder.join("crossfade.db"), self.folder.join("aside"));
        fs::rename(&database, &aside)?;
        meanwhile();
        fs::rename(aside, database)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_own() {
            drop(Command::new("umount").arg("--lazy").arg(&self.folder).status());
        }
    }
}

fn limit(daemon: &Daemon, limit: &str) {
    if let Some(pid) = daemon.pid() {
        drop(Command::new("prlimit").args(["--pid", &pid.to_string(), limit]).stderr(Stdio::null()).status());
    }
}
