//! The accept loop: HTTP/1 with a timer on the request's head, a cap on connections, and a bounded
//! drain. (`axum::serve` installs no timer, so that a slow sender would hold a connection for ever.)

use std::{
    future::{Future, Ready, ready},
    io,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use hyper::{
    Request, Uri,
    body::Incoming,
    header::HeaderValue,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{auth::Stranger, limits, tls::Certificate};
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
    type Io = TcpStream;
    type Opening = Ready<io::Result<Opened<TcpStream>>>;
    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let (stream, peer) = accept(self).await?;
        Ok((Opened::at_once(stream), peer))
    }
}

/// The next connection over TCP.
pub(super) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, Peer)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Peer { name: address.to_string().into(), uid: None }))
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

/// Serves until cancelled, then lets requests in flight end, for a while.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(limits::STRANGERS));
    let tasks = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_BYTES);
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
            router: router.clone(),
            peer,
            stranger: Stranger::new(stranger),
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
        };
        tasks.spawn(async move {
            served.serve(opening).await;
            drop(connection);
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits::DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not end within {:?}, and were cut off", limits::DRAIN);
    }
}

/// A connection, and all that it needs.
struct Connection {
    http: http1::Builder,
    router: Router,
    peer: Peer,
    stranger: Stranger,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

impl Connection {
    /// Serves it until either end has enough.
    async fn serve<Io>(self, opening: impl Future<Output = io::Result<Opened<Io>>>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { http, router, peer, stranger, metrics, stop } = self;
        let opened = tokio::select! {
            () = stop.cancelled() => return,
            opened = tokio::time::timeout(limits::HEADER_TIMEOUT, opening) => opened,
        };
        let Opened { io, certificate, over } = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                tracing::debug!(peer = %peer.name, "no connection, because the TLS handshake failed: {error}");
                return metrics.rejected(Rejection::Handshake);
            }
            Err(_) => return metrics.rejected(Rejection::Timeout),
        };
        let routes = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            own(&mut request);
            let extensions = request.extensions_mut();
            extensions.insert(peer.clone());
            extensions.insert(stranger.clone());
            if let Some(certificate) = &certificate {
                extensions.insert(Arc::clone(certificate));
            }
            routes.call(request)
        });
        let over = over.unwrap_or(stop);
        let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = over.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            count(&metrics, &error);
        }
    }
}

/// Copies what of a request lies in its connection's buffer, all of it into one. Otherwise hyper reads on into a second
/// buffer beside it, while the request lives: and thousands are held.
fn own(request: &mut Request<Incoming>) {
    let uri = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let values = request.headers().values().map(HeaderValue::as_bytes);
    let mut copies: Bytes = values.chain([uri.as_bytes()]).collect::<Vec<_>>().concat().into();
    for value in request.headers_mut().values_mut() {
        // What was valid stays so.
        if let Ok(copy) = HeaderValue::from_maybe_shared(copies.split_to(value.len())) {
            *value = copy;
        }
    }
    // In the form that is addressed to a server; the others are not held.
    if request.uri().authority().is_none()
        && let Ok(copy) = Uri::from_maybe_shared(copies)
    {
        *request.uri_mut() = copy;
    }
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
