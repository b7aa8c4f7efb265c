//! A TCP socket that follows its connection from one runtime to another.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::{Handle, Id},
};

/// Whoever polls it is told by a reactor of its own runtime that there is something to read: nobody wakes up for the
/// other's connections.
#[derive(Debug)]
pub struct Socket {
    /// None: it could not follow.
    stream: Option<TcpStream>,
    registered: Id,
    /// How much more is read, of who has to say little; none: whatever comes.
    left: Option<usize>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: Some(stream), registered: Handle::current().id(), left: None }
    }

    /// From now on so much is read and no more; none: whatever comes.
    pub(super) fn read_at_most(&mut self, bytes: Option<usize>) {
        self.left = bytes;
    }

    /// Waits until there is something to read, or its end.
    pub(super) async fn heard(&mut self) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut *self).here()?.poll_read_ready(context)).await
    }

    fn here(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let socket = self.get_mut();
        let here = Handle::current().id();
        if socket.registered != here
            && let Some(stream) = socket.stream.take()
        {
            socket.stream = Some(TcpStream::from_std(stream.into_std()?)?);
            socket.registered = here;
        }
        socket.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
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
        ready!(self.as_mut().here()?.poll_read(cx, buffer))?;
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
