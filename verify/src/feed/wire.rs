//! One connection to one replica: HTTP/1.1 over what the machine connects by, or over TLS. Nothing is followed, decoded or guessed.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, header, request};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};

pub(crate) use super::machine::{Machine, jitter};
use super::{
    address::Address,
    error::{Event, FeedError, Hook},
    machine::within,
};
use crate::accept_set::{AcceptSet, SetError};

/// For a body to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// What an answer's head may hold.
const HEAD_BYTES: usize = 16 * 1024;

/// All that talking to a daemon needs.
pub(crate) struct Daemon {
    pub(crate) replicas: Vec<Address>,
    pub(crate) authorization: HeaderValue,
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) hook: Hook,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<super::tls::Connector>,
}

/// A connection; closed when it is dropped.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Daemon {
    pub(crate) fn tell(&self, event: &Event<'_>) {
        // A hook is somebody else's code. What it panics with has been told where panics are told.
        drop(catch_unwind(AssertUnwindSafe(|| (self.hook)(event))));
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self, replica: &Address, limit: Duration) -> Result<Connection, FeedError> {
        self.within(limit, Box::pin(self.open(replica))).await
    }

    async fn open(&self, replica: &Address) -> Result<Connection, FeedError> {
        let stream = self.machine.connect(&replica.host, replica.port).await.map_err(unconnected)?;
        #[cfg(feature = "tls")]
        if let (true, Some(tls)) = (replica.tls, &self.tls) {
            return handshake(tls.connect(&replica.host, stream).await.map_err(unconnected)?).await;
        }
        handshake(stream).await
    }

    /// A request, but for what is particular to it.
    pub(crate) fn request(&self, replica: &Address, method: Method, target: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, &replica.authority)
            .header(header::AUTHORIZATION, &self.authorization)
    }

    /// The same, unless it takes too long.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, FeedError>>,
    ) -> Result<T, FeedError> {
        within(&*self.machine, limit, work).await.ok_or(FeedError::TimedOut)?
    }

    /// A body, as a whole.
    pub(crate) async fn body(&self, body: Incoming, limit_bytes: usize) -> Result<Bytes, FeedError> {
        self.within(BODY_LIMIT, collect(body, limit_bytes)).await
    }
}

impl Connection {
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request; what comes back, but for its body.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, FeedError> {
        self.sender.ready().await.map_err(broken)?;
        self.sender.send_request(request).await.map_err(broken)
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Connection, FeedError> {
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_BYTES);
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    Ok(Connection { sender, driver: drive(connection) })
}

/// The connection is owned by its `Connection`, which ends it.
#[expect(clippy::disallowed_methods, reason = "its handle is kept, and ends it")]
fn drive(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> AbortHandle {
    // What goes wrong is told to whoever waits for the answer.
    tokio::spawn(async move { drop(connection.await) }).abort_handle()
}

async fn collect(mut body: Incoming, limit_bytes: usize) -> Result<Bytes, FeedError> {
    let too_large = || FeedError::Set(SetError::TooLarge);
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            if whole.len() + data.len() > limit_bytes {
                return Err(too_large());
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// The most that an accept set may have.
pub(crate) const SET_BYTES: usize = AcceptSet::MAX_BYTES;

/// One segment or value of a target, percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn unconnected(error: io::Error) -> FeedError {
    FeedError::Connect(Arc::new(error))
}

fn broken(error: hyper::Error) -> FeedError {
    FeedError::Http(Arc::new(error))
}
