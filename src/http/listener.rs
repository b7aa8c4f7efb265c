//! Bound sockets: who is at the other end of a connection, and what has to come before it can be used.

use std::{
    future::{Future, Ready, ready},
    io,
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::{socket::Socket, tls::Certificate};

/// Who is at the other end: for the audit log and for the admin socket.
#[derive(Clone, Debug)]
pub struct Peer {
    /// In words: an address, or `uid:1000`.
    pub name: Arc<str>,
    /// The user, on a unix socket.
    pub uid: Option<u32>,
}

impl Peer {
    /// Whether it is the daemon's own user, or root.
    pub(super) fn is_ours(&self) -> bool {
        self.uid.is_some_and(|uid| uid == 0 || uid == rustix::process::geteuid().as_raw())
    }
}

/// A bound socket that hands out connections.
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What a connection needs before it can be used, and what others don't wait for.
    type Handshake: Future<Output = io::Result<Opened<Self::Io>>> + Send + 'static;
    /// Where there is a handshake, its peer begins with it: until then we wait, and not the peer.
    type Opening: Future<Output = io::Result<Self::Handshake>> + Send + 'static;
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
    pub fn at_once(io: Io) -> AtOnce<Io> {
        ready(Ok(ready(Ok(Self { io, certificate: None, over: None }))))
    }
}

/// A connection without a handshake.
pub type AtOnce<Io> = Ready<io::Result<Ready<io::Result<Opened<Io>>>>>;

impl Listener for TcpListener {
    type Io = Socket;
    type Handshake = Ready<io::Result<Opened<Socket>>>;
    type Opening = AtOnce<Socket>;
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
    type Handshake = Ready<io::Result<Opened<UnixStream>>>;
    type Opening = AtOnce<UnixStream>;
    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let (stream, _) = UnixListener::accept(self).await?;
        let uid = stream.peer_cred()?.uid();
        Ok((Opened::at_once(stream), Peer { name: format!("uid:{uid}").into(), uid: Some(uid) }))
    }
}
