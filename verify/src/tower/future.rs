//! What a guarded call is waiting for. Only a request that the verifier is unsure of is boxed.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::GuardedBody,
    guard::{Answered, Guard},
};
use crate::gate::Need;

pin_project_lite::pin_project! {
    /// The answer to come.
    pub struct GuardedFuture<S, B> where S: Service<Request<B>> {
        #[pin]
        kind: Kind<S::Future, S::Response, S::Error>,
    }
}

pin_project_lite::pin_project! {
    #[project = Projected]
    enum Kind<F, P, E> {
        Inner { #[pin] future: F },
        Answer { answer: Option<Answered> },
        Refresh { future: Pin<Box<dyn Future<Output = Result<Refreshed<P>, E>> + Send>> },
    }
}

/// What came of it.
enum Refreshed<P> {
    Inner(P),
    Answer(Answered),
}

impl<S, B, R> GuardedFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(super) fn answer(answer: Answered) -> Self {
        Self { kind: Kind::Answer { answer: Some(answer) } }
    }

    /// Waits for a younger view first.
    pub(super) fn refresh(guard: Arc<Guard>, need: Need, mut ready: S, mut request: Request<B>) -> Self
    where
        S: Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
    {
        let future = Box::pin(async move {
            // By value, so that nothing of the request's body is held across the wait.
            let headers = request.headers().clone();
            match guard.judge_again(need, &headers).await {
                Ok(grant) => {
                    guard.admit(&mut request, grant);
                    ready.call(request).await.map(Refreshed::Inner)
                }
                Err(denial) => Ok(Refreshed::Answer(guard.answer(denial, request))),
            }
        });
        Self { kind: Kind::Refresh { future } }
    }
}

impl<S, B, R> Future for GuardedFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<GuardedBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        let passed = match kind.as_mut().project() {
            Projected::Inner { future } => Refreshed::Inner(ready!(future.poll(context))?),
            Projected::Answer { answer } => Refreshed::Answer(answer.take().expect("polled once more")),
            Projected::Refresh { future } => ready!(future.as_mut().poll(context))?,
        };
        Poll::Ready(Ok(match passed {
            Refreshed::Inner(response) => response.map(|body| GuardedBody::Inner { body }),
            Refreshed::Answer((answer, mut rest)) => {
                if let Some(reading) = rest.as_mut().filter(|rest| rest.is_short) {
                    if reading.poll(context).is_pending() {
                        kind.set(Kind::Answer { answer: Some((answer, rest)) });
                        return Poll::Pending;
                    }
                    rest = None;
                }
                answer.map(|body| GuardedBody::Answer { body: Some(body), rest })
            }
        }))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for GuardedFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardedFuture")
    }
}
