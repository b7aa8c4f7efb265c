//! What is left of a request that is not let in: it is read on for a while, and forgotten.
//!
//! A server that closes a connection on which something unread stands resets it, and then a caller that is still sending
//! (Node's `fetch` with a picture, say) sees a broken pipe in the place of the 401 that tells it to fetch a newer token.

use std::{
    fmt,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use http::Request;
use http_body::Body;

use crate::verifier::Verifier;

/// For so many bytes. Whoever sends more may miss the answer.
#[cfg(feature = "http")]
const MOST_BYTES: usize = 32 << 20;

/// And for so long, by the timers of the feed: without a feed nothing is read on.
#[cfg(feature = "http")]
const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// A request that says it is no longer than this is read before it is answered, so that the answer can say its length.
#[cfg(feature = "http")]
const SHORT_BYTES: u64 = 64 << 10;

/// In a mutex, which nobody locks, so that the answer can be shared among threads if its other parts can.
pub(super) struct Rest {
    reading: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// It is read before the answer.
    pub(super) is_short: bool,
}

impl Rest {
    #[cfg(not(feature = "http"))]
    pub(super) fn of<B: Body>(_: &Verifier, _: Request<B>) -> Option<Self> {
        None
    }

    /// None: nothing is left, or the caller waits for a word before it sends it.
    #[cfg(feature = "http")]
    pub(super) fn of<B>(verifier: &Verifier, request: Request<B>) -> Option<Self>
    where
        B: Body + Send + 'static,
    {
        let (parts, body) = request.into_parts();
        let machine = verifier.machine().filter(|_| !body.is_end_stream())?;
        if parts.headers.contains_key(http::header::EXPECT) {
            return None;
        }
        let is_short = body.size_hint().upper().is_some_and(|bytes| bytes <= SHORT_BYTES);
        let (mut over, mut body) = (machine.sleep(LIMIT), Box::pin(body));
        let mut left = MOST_BYTES;
        let reading = std::future::poll_fn(move |context| {
            while over.as_mut().poll(context).is_pending() {
                let Some(Ok(frame)) = std::task::ready!(body.as_mut().poll_frame(context)) else { break };
                let length = frame.data_ref().map_or(0, bytes::Buf::remaining);
                match left.checked_sub(length.max(1)) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
            Poll::Ready(())
        });
        Some(Self { reading: Mutex::new(Box::pin(reading)), is_short })
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.reading.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).as_mut().poll(context)
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}
