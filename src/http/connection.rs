//! One connection: HTTP/1 with a timer on the request's head. (`axum::serve` installs no timer, so that a slow sender would
//! hold a connection for ever.)

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
};

use axum::http::{HeaderValue, header};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::CancellationToken;

use super::{
    api::Answer,
    auth::Caller,
    background::Handover,
    limits,
    listener::Opened,
    routes::Routes,
    unauthenticated::{Eviction, Unauthenticated},
    wire::Wire,
};
use crate::metrics::{Metrics, Rejection};

/// How HTTP is spoken.
pub(super) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_BYTES);
    http
}

/// A connection, and all that it needs.
pub(super) struct Connection {
    pub(super) http: http1::Builder,
    pub(super) routes: Routes,
    pub(super) caller: Caller,
    pub(super) eviction: Eviction,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Waits until it can be used; none: it never can.
    pub(super) async fn open<Io, Handshake>(
        &mut self,
        opening: impl Future<Output = io::Result<Handshake>>,
    ) -> Option<Opened<Io>>
    where
        Handshake: Future<Output = io::Result<Opened<Io>>>,
    {
        let opened = open(&self.caller.unauthenticated, opening);
        let opened = tokio::select! {
            () = self.stop.cancelled() => return None,
            () = self.eviction.evicted() => return None,
            opened = tokio::time::timeout(limits::HEADER_TIMEOUT, opened) => opened,
        };
        match opened {
            Ok(Ok(opened)) => return Some(opened),
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.caller.peer.name, "no connection, because the TLS handshake failed: {error}");
                self.metrics.rejected(Rejection::Handshake);
            }
            Err(_) => self.metrics.rejected(Rejection::Timeout),
        }
        None
    }

    /// Serves it until either end has enough.
    pub(super) async fn serve<Io>(self, opened: Opened<Io>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.answer(opened, || None).await;
    }

    /// Serves it until it asks for something that doesn't wait. Then what is left to do is returned, that request
    /// included.
    pub(super) async fn serve_while_held<Io>(
        self,
        opened: Opened<Io>,
    ) -> Option<Pin<Box<impl Future<Output = ()> + Send + use<Io>>>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handover = Arc::new(Handover::default());
        let asked = Arc::clone(&handover);
        let hand_over = move || asked.begin().then(|| Arc::clone(&asked));
        let mut all = Box::pin(self.answer(opened, hand_over));
        tokio::select! {
            () = all.as_mut() => return None,
            () = handover.begun() => {}
        }
        handover.end();
        Some(all)
    }

    /// Answers request after request. One whose answer is not held asks for a handover to the main runtime, and waits for
    /// it.
    async fn answer<Io>(
        self,
        opened: Opened<Io>,
        hand_over: impl Fn() -> Option<Arc<Handover>> + Send + 'static,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { http, routes, caller, mut eviction, metrics, stop, _place } = self;
        let Opened { io, certificate, over } = opened;
        let caller = Arc::new(Caller { certificate, ..caller });
        let wire = Wire::new(io, Arc::clone(&caller));
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = routes.answer(request, &caller);
            let handover = if let Answer::Immediate(_) = answer { hand_over() } else { None };
            let caller = Arc::clone(&caller);
            async move {
                // Whoever sends many requests at once has one answered in each turn, as those have who wait for answers.
                if !caller.has_paused.swap(false, Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
                if let Some(handover) = handover {
                    handover.ended().await;
                }
                let mut answer = answer.made().await;
                if caller.unauthenticated.stands() {
                    // One answer is what an unauthenticated peer gets.
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let over = over.unwrap_or(stop);
        let mut connection = pin!(http.serve_connection(TokioIo::new(wire), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = eviction.evicted() => return,
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

/// Until the peer has begun with its handshake, it is silent. What follows is our work, for a while.
async fn open<Io, Handshake>(
    unauthenticated: &Unauthenticated,
    opening: impl Future<Output = io::Result<Handshake>>,
) -> io::Result<Opened<Io>>
where
    Handshake: Future<Output = io::Result<Opened<Io>>>,
{
    let mut opening = pin!(opening);
    let begun = poll_fn(|context| {
        let begun = opening.as_mut().poll(context);
        if begun.is_pending() {
            unauthenticated.is_silent();
        }
        begun
    });
    let mut handshake = pin!(begun.await?);
    unauthenticated.spoke();
    if let Ok(opened) = tokio::time::timeout(limits::HANDSHAKE_PATIENCE, handshake.as_mut()).await {
        return opened;
    }
    unauthenticated.is_silent();
    handshake.await
}

fn count(metrics: &Metrics, error: &hyper::Error) {
    if error.is_parse_too_large() {
        metrics.rejected(Rejection::HeaderTooLarge);
    } else if error.is_timeout() || was_not_taken(error) {
        metrics.rejected(Rejection::Timeout);
    } else if error.is_parse() {
        metrics.rejected(Rejection::Malformed);
    }
}

/// Whether its reader had no time left ([`Wire`]).
fn was_not_taken(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
