//! Sockets are bound before anything is started, so that a taken port stops a start, not a daemon.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::{
    clock::Clock,
    config::Config,
    http::{
        capacity::Capacity,
        limits,
        listener::{Listener, Peer},
    },
    lifecycle,
    lock::lock,
};

/// How often the admin socket's name is checked.
const CHECK_EVERY: Duration = Duration::from_secs(2);

pub(super) struct Sockets {
    pub(super) listen: TcpListener,
    pub(super) metrics_listen: TcpListener,
    pub(super) admin: AdminListener,
}

impl Sockets {
    pub(super) async fn bind(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self> {
        let tcp = async |key: &str, address| {
            let bound = TcpListener::bind(address).await;
            bound.with_context(|| format!("can't listen on {address}: is it in use? Change `{key}`"))
        };
        Ok(Self {
            listen: tcp("listen", config.listen).await?,
            metrics_listen: tcp("metrics_listen", config.metrics_listen).await?,
            admin: AdminListener::bind(&config.admin_socket, clock).await?,
        })
    }
}

/// How many connections are taken, so that files are left for all else.
pub(super) fn capacity() -> Capacity {
    let files = lifecycle::open_files();
    let capacity = Capacity::of(files);
    if !capacity.is_whole() {
        tracing::warn!(
            "{files} files may be open, so that `listen` takes {} connections ({} of one client) and not {}: if that is \
             too few, raise the hard limit (`ulimit -Hn`, `LimitNOFILE=`)",
            capacity.listen.connections,
            capacity.listen.connections / limits::SHARE,
            limits::CONNECTIONS
        );
    }
    capacity
}

/// Listens on the admin socket. Where its name goes (a cleaner of temporary files, a folder that was put back), it is
/// bound anew, so that commands go on finding the daemon.
pub(super) struct AdminListener {
    listener: UnixListener,
    name: Arc<AdminName>,
    clock: Arc<dyn Clock>,
}

/// The admin socket's name in its folder.
pub(super) struct AdminName {
    path: PathBuf,
    state: Mutex<NameState>,
}

#[derive(Default)]
struct NameState {
    /// Device and inode of our socket.
    ours: Option<(u64, u64)>,
    /// Why commands don't find us.
    problem: Option<String>,
}

impl AdminListener {
    async fn bind(path: &Path, clock: &Arc<dyn Clock>) -> Result<Self> {
        let listener = bind_admin(path).await?;
        let state = NameState { ours: file_id(path), problem: None };
        let name = Arc::new(AdminName { path: path.to_owned(), state: Mutex::new(state) });
        Ok(Self { listener, name, clock: Arc::clone(clock) })
    }

    pub(super) fn name(&self) -> Arc<AdminName> {
        Arc::clone(&self.name)
    }

    async fn check(&mut self) {
        if self.name.is_ours() {
            return;
        }
        match bind_admin(&self.name.path).await {
            Ok(listener) => {
                self.listener = listener;
                *lock(&self.name.state) = NameState { ours: file_id(&self.name.path), problem: None };
                tracing::warn!("the admin socket {} was gone, and was made anew", self.name.path.display());
            }
            Err(error) => lock(&self.name.state).problem = Some(format!("{error:#}")),
        }
    }
}

impl Listener for AdminListener {
    type Io = UnixStream;
    type Handshake = <UnixListener as Listener>::Handshake;
    type Opening = <UnixListener as Listener>::Opening;

    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        loop {
            tokio::select! {
                accepted = Listener::accept(&mut self.listener) => return accepted,
                () = self.clock.sleep(CHECK_EVERY) => {}
            }
            self.check().await;
        }
    }
}

impl AdminName {
    /// Why commands don't find us; none: they do.
    pub(super) fn problem(&self) -> Option<String> {
        lock(&self.state).problem.clone()
    }

    /// Leaves nothing behind, and nobody else's socket without its name.
    pub(super) fn remove(&self) {
        if self.is_ours()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!("the admin socket could not be removed: {error}");
        }
    }

    fn is_ours(&self) -> bool {
        let ours = lock(&self.state).ours;
        ours.is_some() && ours == file_id(&self.path)
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

fn file_id(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
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
