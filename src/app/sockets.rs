//! Sockets are bound before anything is started, so that a taken port stops a start, not a daemon.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result, bail};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Config;

pub(super) struct Sockets {
    pub(super) listen: TcpListener,
    pub(super) metrics_listen: TcpListener,
    pub(super) admin: UnixListener,
}

impl Sockets {
    pub(super) async fn bind(config: &Config) -> Result<Self> {
        let tcp = async |key: &str, address| {
            let bound = TcpListener::bind(address).await;
            bound.with_context(|| format!("can't listen on {address}: is it in use? Change `{key}`"))
        };
        Ok(Self {
            listen: tcp("listen", config.listen).await?,
            metrics_listen: tcp("metrics_listen", config.metrics_listen).await?,
            admin: bind_admin(&config.admin_socket).await?,
        })
    }
}

async fn bind_admin(path: &Path) -> Result<UnixListener> {
    let shown = path.display();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("can't make the folder of the admin socket {shown}"))?;
    }
    clear_stale(path).await.with_context(|| format!("the admin socket {shown} can't be taken over"))?;
    let listener =
        UnixListener::bind(path).with_context(|| format!("can't bind the admin socket {shown}"))?;
    // The umask was set at the start; this holds whatever it is.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("can't protect the admin socket {shown}"))?;
    Ok(listener)
}

/// Removes a socket that a daemon left behind: only if it is ours, and nobody answers.
async fn clear_stale(path: &Path) -> Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !meta.file_type().is_socket() || meta.uid() != rustix::process::geteuid().as_raw() {
        bail!("something else is in its place: remove it, or change `admin_socket`");
    }
    if UnixStream::connect(path).await.is_ok() {
        bail!("a daemon is already running on it: stop that one first, or change `admin_socket`");
    }
    Ok(fs::remove_file(path)?)
}

/// Leaves nothing behind.
pub(super) fn remove_admin(config: &Config) {
    if let Err(error) = fs::remove_file(&config.admin_socket) {
        tracing::debug!("the admin socket could not be removed: {error}");
    }
}

/// Whether a daemon of ours could listen there. What belongs to somebody else is not asked, which is said, and keeps no
/// order from the store.
pub(super) fn is_ours(path: &Path) -> bool {
    let Ok(about) = fs::metadata(path) else { return false };
    let (owner, us) = (about.uid(), rustix::process::geteuid().as_raw());
    if owner == 0 || owner == us {
        return true;
    }
    tracing::error!(
        "{} belongs to uid {owner}, and neither to root nor to us (uid {us}), so what listens there is not asked: see who put \
         it there, or run as its owner",
        path.display()
    );
    false
}
