//! The accept loop: a cap on connections, and a bounded drain. What is done with each is in `http::connection`.

use std::{
    future::{Future, Ready, ready},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
    runtime::Handle,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    auth::Stranger,
    connection::{self, Connection},
    crowd::Crowd,
    limits,
    routes::Routes,
    socket::Socket,
    tls::Certificate,
};
use crate::metrics::{Metrics, Rejection};

/// Who is at the other end: for the audit log and for the admin socket.
#[derive(Clone, Debug)]
pub struct Peer {
    /// In words: an address, or `uid:1000`.
    pub name: Arc<str>,
    /// The user, on a unix socket.
    pub uid: Option<u32>,
}

/// A bound socket that hands out connections.
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What a connection needs before it can be used, and what others don't wait for.
    type Opening: Future<Output = io::Result<Opened<Self::Io>>> + Send + 'static;
    /// The next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Opening, Peer)>> + Send;
}

/// A connection that can be used.
#[derive(Debug)]
pub struct Opened<Io> {
    /// What is read and written.
    pub io: Io,
    /// The peer's, where it had to show one.
    pub certificate: Option<Arc<Certificate>>,
    /// Cancelled when the connection has to end; none: only with the daemon.
    pub over: Option<CancellationToken>,
}

impl<Io> Opened<Io> {
    /// One that needs nothing more.
    fn at_once(io: Io) -> Ready<io::Result<Self>> {
        ready(Ok(Self { io, certificate: None, over: None }))
    }
}

impl Listener for TcpListener {
    type Io = Socket;
    type Opening = Ready<io::Result<Opened<Socket>>>;
    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let (stream, peer) = accept(self).await?;
        Ok((Opened::at_once(stream), peer))
    }
}

/// The next connection over TCP.
pub(super) async fn accept(listener: &TcpListener) -> io::Result<(Socket, Peer)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((Socket::new(stream), Peer { name: address.to_string().into(), uid: None }))
}

impl Listener for UnixListener {
    type Io = UnixStream;
    type Opening = Ready<io::Result<Opened<UnixStream>>>;
    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let (stream, _) = UnixListener::accept(self).await?;
        let uid = stream.peer_cred()?.uid();
        Ok((Opened::at_once(stream), Peer { name: format!("uid:{uid}").into(), uid: Some(uid) }))
    }
}

/// Serves until cancelled, then lets requests in flight end, for a while. With a crowd, those that wait for news are
/// served there.
pub async fn serve<L: Listener>(
    mut listener: L,
    routes: Routes,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    crowd: Option<Crowd>,
) {
    let connections = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(limits::STRANGERS));
    let tasks = TaskTracker::new();
    let http = connection::http();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (opening, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, say: it passes, and a tight loop would not help.
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let places =
            (Arc::clone(&connections).try_acquire_owned(), Arc::clone(&strangers).try_acquire_owned());
        let (Ok(connection), Ok(stranger)) = places else {
            metrics.rejected(Rejection::Connections);
            continue;
        };
        let served = Connection {
            http: http.clone(),
            routes: routes.clone(),
            peer,
            stranger: Stranger::new(stranger),
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            _place: connection,
        };
        match &crowd {
            None => tasks.spawn(async move {
                if let Some(opened) = served.open(opening).await {
                    served.serve(opened).await;
                }
            }),
            Some(crowd) => {
                let (home, moved) = (Handle::current(), tasks.clone());
                let among = async move {
                    let Some(opened) = served.open(opening).await else { return };
                    if let Some(rest) = served.serve_while_held(opened).await {
                        moved.spawn_on(rest, &home);
                    }
                };
                tasks.spawn_on(among, crowd.handle())
            }
        };
        // Where thousands come at once, a verdict has its turn between two of them.
        tokio::task::yield_now().await;
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits::DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not end within {:?}, and were cut off", limits::DRAIN);
    }
}
