//! A request's body, in one piece.

use axum::{BoxError, body::Bytes};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

use super::limits;

/// Why there is none.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Unread {
    /// Over [`limits::BODY_BYTES`].
    TooLarge,
    /// Its sender ended, or wrote what is no HTTP.
    BrokeOff,
}

/// Waits for all of it. It is copied: its parts are what its sender makes of them, and each of them, were it a byte, keeps
/// all that was read from the connection with it.
pub(super) async fn whole<B>(body: B) -> Result<Vec<u8>, Unread>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let mut body = Limited::new(body, limits::BODY_BYTES);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() { Unread::TooLarge } else { Unread::BrokeOff }
        })?;
        if let Some(part) = frame.data_ref() {
            whole.extend_from_slice(part);
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    /// One byte, and a count of those that stand.
    struct Byte(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Byte {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for Byte {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A body that comes byte by byte.
    struct Crumbs {
        left: usize,
        standing: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    impl Body for Crumbs {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
            self.left = left;
            let standing = self.standing.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(standing, Ordering::Relaxed);
            let byte = Bytes::from_owner(Byte(Arc::clone(&self.standing)));
            Poll::Ready(Some(Ok(Frame::data(byte))))
        }
    }

    #[tokio::test]
    async fn a_body_costs_its_bytes_however_many_parts_it_comes_in() {
        let most = Arc::new(AtomicUsize::new(0));
        let crumbs = |left| Crumbs { left, standing: Arc::default(), most: Arc::clone(&most) };
        let body = whole(crumbs(limits::BODY_BYTES)).await;
        assert_eq!(body, Ok(vec![b'x'; limits::BODY_BYTES]));
        assert_eq!(most.load(Ordering::Relaxed), 1, "parts of it were kept at once");
        assert_eq!(whole(crumbs(limits::BODY_BYTES + 1)).await, Err(Unread::TooLarge));
    }
}
