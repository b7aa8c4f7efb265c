//! The accept loop: HTTP/1 with a timer on the request's head, a cap on connections, and a bounded
//! drain. (`axum::serve` installs no timer, so that a slow sender would hold a connection for ever.)

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use super::{auth::Stranger, limits};
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
    /// The next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Peer)>> + Send;
}

impl Listener for TcpListener {
    type Io = tokio::net::TcpStream;
    async fn accept(&mut self) -> io::Result<(Self::Io, Peer)> {
        let (stream, address) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, Peer { name: address.to_string().into(), uid: None }))
    }
}

impl Listener for UnixListener {
    type Io = tokio::net::UnixStream;
    async fn accept(&mut self) -> io::Result<(Self::Io, Peer)> {
        let (stream, _) = UnixListener::accept(self).await?;
        let uid = stream.peer_cred()?.uid();
        Ok((stream, Peer { name: format!("uid:{uid}").into(), uid: Some(uid) }))
    }
}

/// Serves until cancelled, then lets requests in flight end, for a while.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(limits::STRANGERS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_BYTES);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
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
        let (routes, stranger) = (TowerToHyperService::new(router.clone()), Stranger::new(stranger));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            request.extensions_mut().insert(stranger.clone());
            routes.call(request)
        });
        let served = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        let metrics = Arc::clone(&metrics);
        spawn(async move {
            if let Err(error) = served.await {
                count(&metrics, &error);
            }
            drop(connection);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits::DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end within {:?}, and were cut off", limits::DRAIN);
    }
}

/// A connection is owned by the drain, which waits for it.
#[expect(clippy::disallowed_methods, reason = "the graceful shutdown above keeps count of it")]
fn spawn(connection: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(connection);
}

fn count(metrics: &Metrics, error: &hyper::Error) {
    if error.is_parse_too_large() {
        metrics.rejected(Rejection::HeaderTooLarge);
    } else if error.is_timeout() {
        metrics.rejected(Rejection::Timeout);
    } else if error.is_parse() {
        metrics.rejected(Rejection::Malformed);
    }
}
