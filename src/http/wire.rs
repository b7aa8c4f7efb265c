//! What passes between a connection and its socket: how long its reader may take for an answer, and when its sender is
//! silent.
//!
//! No more than one answer waits for a reader, since no request is read before the answer to the one before is written.
//! For that one its reader has a time, and gets no more by taking a little now and then. A long poll is not written yet, so
//! that its time has not begun.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{auth::Caller, limits};

pub(super) struct Wire<Io> {
    io: Io,
    caller: Arc<Caller>,
    /// Ends when the answer has to be taken. It begins when the reader falls behind for the first time, and counts until
    /// the next request comes.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<Io> Wire<Io> {
    pub(super) fn new(io: Io, caller: Arc<Caller>) -> Self {
        Self { io, caller, deadline: None }
    }

    /// Whatever came of a write: an error, if it is too late for it.
    fn in_time<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            return wrote;
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limits::ANSWER_TIMEOUT)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "an answer was not taken in time")))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Wire<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_pending() {
            self.caller.unauthenticated.is_silent();
            self.caller.has_paused.store(true, Ordering::Relaxed);
        } else if buffer.filled().len() > before {
            self.deadline = None;
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Wire<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write(context, bytes);
        self.in_time(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.in_time(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(context);
        self.in_time(context, shut)
    }
}

#[cfg(test)]
mod tests;
