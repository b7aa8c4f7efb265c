//! A TCP socket that follows its connection from one runtime to another.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::{Handle, Id},
};

/// So much is read before the reactor tells: most requests, whole.
const FIRST_BYTES: usize = 1024;

/// Whoever polls it is told by a reactor of its own runtime that there is something to read: nobody wakes up for the
/// other's connections.
#[derive(Debug)]
pub struct Socket {
    /// None: it could not follow.
    stream: Option<TcpStream>,
    registered: Id,
    /// Whether this runtime's reactor has not been asked yet. On a busy machine it is late: what came before it knew the
    /// socket would be taken for silence.
    is_new_here: bool,
    /// How much more is read, of who has to say little; none: whatever comes.
    left: Option<usize>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: Some(stream), registered: Handle::current().id(), is_new_here: true, left: None }
    }

    /// From now on so much is read and no more; none: whatever comes.
    pub(super) fn read_at_most(&mut self, bytes: Option<usize>) {
        self.left = bytes;
    }

    /// Waits until there is something to read, or its end.
    pub(super) async fn heard(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            let ready = Pin::new(&mut *self).here()?.poll_read_ready(context);
            if ready.is_pending() && self.came_before(&mut [0], RecvFlags::PEEK)?.is_some() {
                return Poll::Ready(Ok(()));
            }
            ready
        })
        .await
    }

    fn here(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let socket = self.get_mut();
        let here = Handle::current().id();
        if socket.registered != here
            && let Some(stream) = socket.stream.take()
        {
            socket.stream = Some(TcpStream::from_std(stream.into_std()?)?);
            socket.registered = here;
            socket.is_new_here = true;
        }
        socket.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// What the system has read already, asked once before the reactor tells; none: nothing, or it was asked before.
    fn came_before(&mut self, buffer: &mut [u8], how: RecvFlags) -> io::Result<Option<usize>> {
        if !std::mem::take(&mut self.is_new_here) {
            return Ok(None);
        }
        let Some(stream) = &self.stream else { return Ok(None) };
        match recv(stream, buffer, how | RecvFlags::DONTWAIT) {
            Ok((read, _)) => Ok(Some(read)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == Some(0) {
            return Poll::Ready(Err(io::Error::other("more came than belongs here")));
        }
        let before = buffer.filled().len();
        match self.as_mut().here()?.poll_read(cx, buffer) {
            Poll::Pending if !self.is_new_here => return Poll::Pending,
            Poll::Pending => {
                // Not into the buffer, which would be filled with zeros for that: each connection would hold all of it.
                let mut first = [0; FIRST_BYTES];
                let most = buffer.remaining().min(FIRST_BYTES);
                match self.came_before(&mut first[..most], RecvFlags::empty())? {
                    Some(read) => buffer.put_slice(&first[..read]),
                    None => return Poll::Pending,
                }
            }
            Poll::Ready(read) => read?,
        }
        let read = buffer.filled().len() - before;
        self.left = self.left.map(|left| left.saturating_sub(read));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.here()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.here()?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future as _, task::Waker};

    use tokio::{io::AsyncWriteExt as _, net::TcpListener, runtime};

    use super::*;

    #[test]
    fn what_came_before_a_reactor_knew_the_socket_is_no_silence() {
        let runtime = || runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (here, there) = (runtime(), runtime());
        let (peer, mut sockets) = here.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let (mut peer, mut sockets) = (Vec::new(), Vec::new());
            for _ in 0..2 {
                let mut stream = TcpStream::connect(listener.local_addr().expect("an address"))
                    .await
                    .expect("a connection");
                stream.write_all(b"said").await.expect("a write");
                peer.push(stream);
                sockets.push(Socket::new(listener.accept().await.expect("a connection").0));
            }
            (peer, sockets)
        });
        let _entered = there.enter();
        let mut context = Context::from_waker(Waker::noop());
        let mut bytes = [0; 16];
        let mut buffer = ReadBuf::new(&mut bytes);
        assert!(Pin::new(&mut sockets[0]).poll_read(&mut context, &mut buffer).is_ready());
        assert_eq!(buffer.filled(), b"said");
        assert!(Pin::new(&mut sockets[0]).poll_read(&mut context, &mut buffer).is_pending());
        let mut heard = std::pin::pin!(sockets[1].heard());
        assert!(heard.as_mut().poll(&mut context).is_ready());
        drop(peer);
    }
}
