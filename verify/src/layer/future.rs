//! What a guarded call is waiting for. Only a request that the verifier is unsure of is boxed.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::{Guard, answer::GuardedBody};

type Answered<R, E> = Result<Response<GuardedBody<R>>, E>;

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
        Answer { answer: Option<Response<Bytes>> },
        Refresh { future: Pin<Box<dyn Future<Output = Result<Refreshed<P>, E>> + Send>> },
    }
}

/// What came of it.
enum Refreshed<P> {
    Inner(P),
    Answer(Response<Bytes>),
}

impl<S, B, R> GuardedFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(super) fn answer(answer: Response<Bytes>) -> Self {
        Self { kind: Kind::Answer { answer: Some(answer) } }
    }

    /// Tries once to get a younger view.
    pub(super) fn refresh(guard: Arc<Guard>, mut ready: S, mut request: Request<B>) -> Self
    where
        S: Send + 'static,
        S::Future: Send,
        B: Send + 'static,
    {
        let future = Box::pin(async move {
            // By value, so that nothing of the request's body is held across the wait.
            let headers = request.headers().clone();
            match guard.judge_again(&headers).await {
                Ok(grant) => {
                    guard.admit(&mut request, grant);
                    ready.call(request).await.map(Refreshed::Inner)
                }
                Err(denial) => Ok(Refreshed::Answer(guard.answers.to(denial))),
            }
        });
        Self { kind: Kind::Refresh { future } }
    }
}

impl<S, B, R> Future for GuardedFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Answered<R, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let passed = match self.project().kind.project() {
            Projected::Inner { future } => Refreshed::Inner(ready!(future.poll(context))?),
            Projected::Answer { answer } => Refreshed::Answer(answer.take().expect("polled once more")),
            Projected::Refresh { future } => ready!(future.as_mut().poll(context))?,
        };
        Poll::Ready(Ok(match passed {
            Refreshed::Inner(response) => response.map(|body| GuardedBody::Inner { body }),
            Refreshed::Answer(answer) => answer.map(|body| GuardedBody::Answer { body: Some(body) }),
        }))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for GuardedFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardedFuture")
    }
}
