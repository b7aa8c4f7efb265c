//! TLS on `listen`: TLS 1.2 and 1.3, HTTP/1.1 only, and with a `client_ca` a certificate of each client.
//!
//! What a config's certificates say is a [`Material`], made whole or not at all, and swapped for another while
//! connections stand. A new certificate of ours is for new connections. Another `client_ca` ends those that were let in by
//! the one before, so that nobody stays whom the new one would not let in.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::ready,
};

use arc_swap::ArcSwap;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::{CancellationToken, PollSemaphore};

use super::{
    limits,
    listener::{self, Opened, Peer},
    socket::Socket,
};

mod certificate;
mod material;

pub use certificate::Certificate;
pub use material::{Material, Part, Pem, Unusable};

/// The certificates in force.
#[derive(Debug)]
pub struct Tls {
    state: ArcSwap<State>,
    stop: CancellationToken,
    /// The one handshake that computes.
    turn: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    material: Material,
    /// Cancelled when those whom this `client_ca` let in have to come again.
    over: CancellationToken,
}

impl Tls {
    /// Its connections end at `stop`.
    pub fn new(material: Material, stop: CancellationToken) -> Self {
        let state = State { material, over: stop.child_token() };
        Self { state: ArcSwap::from_pointee(state), stop, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Takes new certificates. False: they are those in force, so nothing changes, and sessions can still be resumed.
    pub fn replace(&self, material: Material) -> bool {
        let old = self.state.load_full();
        if material.is_same_as(&old.material) {
            return false;
        }
        let trusts_the_same = material.trusts_the_same_as(&old.material);
        let over = if trusts_the_same { old.over.clone() } else { self.stop.child_token() };
        self.state.store(Arc::new(State { material, over }));
        if !trusts_the_same {
            old.over.cancel();
        }
        true
    }

    /// Whether they are those in force.
    pub fn holds(&self, material: &Material) -> bool {
        material.is_same_as(&self.state.load().material)
    }

    /// From when until when our own certificate is valid, in unix seconds.
    pub fn validity(&self) -> Option<(u64, u64)> {
        self.state.load().material.validity()
    }

    async fn open(self: Arc<Self>, mut stream: Socket) -> io::Result<Opened<Box<TlsStream<Socket>>>> {
        let state = self.state.load_full();
        stream.read_at_most(Some(limits::HANDSHAKE_BYTES));
        let handshake = TlsAcceptor::from(Arc::clone(state.material.config())).accept(stream);
        let mut stream = in_turn(PollSemaphore::new(Arc::clone(&self.turn)), handshake).await?;
        stream.get_mut().0.read_at_most(None);
        let certificate = state.material.judge(stream.get_ref().1).map_err(io::Error::other)?;
        let certificate = certificate.map(Arc::new);
        // In a box: what serves it would have room for it in each of its states.
        Ok(Opened { io: Box::new(stream), certificate, over: Some(state.over.clone()) })
    }
}

/// Thousands may come at once: then one of them computes, the others wait in line for that, and requests don't wait behind
/// them all. Whoever waits for its peer holds nobody up. The line is no longer than there are unauthenticated connections.
async fn in_turn<F: Future>(mut turn: PollSemaphore, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        // Closed by nobody.
        let turn = ready!(turn.poll_acquire(context));
        let polled = future.as_mut().poll(context);
        drop(turn);
        // A thread that steps back does so when its slice ends, unless it says that it is done.
        std::thread::yield_now();
        polled
    })
    .await
}

/// A socket whose connections begin with a handshake.
#[derive(Debug)]
pub struct Listener {
    /// Bound.
    pub tcp: TcpListener,
    /// The certificates in force.
    pub tls: Arc<Tls>,
}

type Boxed<Output> = Pin<Box<dyn Future<Output = io::Result<Output>> + Send>>;

impl listener::Listener for Listener {
    type Io = Box<TlsStream<Socket>>;
    type Handshake = Boxed<Opened<Self::Io>>;
    type Opening = Boxed<Self::Handshake>;

    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let (mut stream, peer) = listener::accept(&self.tcp).await?;
        let tls = Arc::clone(&self.tls);
        let begins = async move {
            stream.heard().await?;
            Ok(Box::pin(tls.open(stream)) as Self::Handshake)
        };
        Ok((Box::pin(begins), peer))
    }
}
