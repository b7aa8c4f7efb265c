//! The fake over HTTP/1, without TLS: AWS's protocol at `/`, the knobs at `/_fake/…`.
//!
//! The accept loop is our own, because a lost reply is a connection that is closed without one.

use std::{convert::Infallible, io, net::SocketAddr, ops::Deref};

use axum::{Router, body::Body, extract::DefaultBodyLimit, routing::post};
use hyper::{Request, Response, body::Incoming, service::Service as _};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{Clock, Fake};

mod control;
mod protocol;

/// The largest body. A value has 65,536 bytes at most, which JSON can make six times as long.
const BODY_BYTES: usize = 1024 * 1024;

/// A fake that listens. It is used as a [`Fake`], and stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    fake: Fake,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// A new fake with the machine's time, on a free port of this machine.
    pub async fn start() -> io::Result<Server> {
        Fake::new(Clock::system()).serve(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens there. Whoever reaches that address can do everything, knobs included.
    pub async fn serve(self, at: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/", post(protocol::call))
            .nest("/_fake", control::router())
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(self.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router));
        Ok(Server { fake: self, address, _tasks: tasks })
    }
}

impl Server {
    /// What to set as the endpoint URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Another handle on the fake, which does not keep it listening.
    pub fn fake(&self) -> Fake {
        self.fake.clone()
    }
}

impl Deref for Server {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.fake
    }
}

/// On a response: it is not to be sent, and the connection is to be closed.
#[derive(Copy, Clone, Debug)]
struct Lost;

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                // The peer is gone, or there are too many open files: others go on.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let answer = hyper::service::service_fn(|request: Request<Incoming>| {
        let reply = service.call(request);
        async move { reply.await.map_or_else(never, unless_lost) }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // It fails when the reply is to be lost, and when the peer is gone: both are as they should be.
    drop(served.await);
}

fn unless_lost(response: Response<Body>) -> Result<Response<Body>, io::Error> {
    match response.extensions().get::<Lost>() {
        Some(Lost) => Err(io::ErrorKind::ConnectionAborted.into()),
        None => Ok(response),
    }
}

fn never(error: Infallible) -> Result<Response<Body>, io::Error> {
    match error {}
}
