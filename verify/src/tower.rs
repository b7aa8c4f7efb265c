//! A tower layer that lets only requests with an accepted token through, and takes the token out of them.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::verifier::{Stopped, Verifier};

mod answer;
mod future;
mod guard;
mod rest;

pub use answer::GuardedBody;
use answer::{Answers, Errors};
pub use future::GuardedFuture;
use guard::Guard;

/// Requires a token that a [`Verifier`] accepts, of every request, whatever its method.
///
/// The token stands in `Authorization: Bearer`, or bare in a header that is named here. An accepted request goes
/// on without any of these headers, and with the [`Grant`](crate::Grant) among its extensions; every other header stays.
#[derive(Clone, Debug)]
pub struct RequireToken {
    guard: Arc<Guard>,
}

impl RequireToken {
    /// A layer that lets in what this verifier accepts.
    pub fn new(verifier: Verifier) -> Self {
        let answers = Answers::new(verifier.audience(), &[], Errors::OAuth);
        let guard =
            Guard { verifier, headers: Vec::new(), scopes: Vec::new(), errors: Errors::OAuth, answers };
        Self { guard: Arc::new(guard) }
    }

    /// Another header in which a token may stand, bare.
    ///
    /// # Panics
    ///
    /// If this is no header name in lower case. It is code, not input.
    #[must_use]
    pub fn header(self, name: &'static str) -> Self {
        self.with(|guard| guard.headers.push(HeaderName::from_static(name)))
    }

    /// A scope that a token needs to have; with several calls, each of them.
    ///
    /// # Panics
    ///
    /// If this is no scope token (RFC 6749, section 3.3). It is code, not input.
    #[must_use]
    pub fn require_scope(self, scope: &str) -> Self {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
        assert!(!scope.is_empty() && scope.bytes().all(allowed), "{scope:?} is no scope");
        self.with(|guard| guard.scopes.push(scope.into()))
    }

    /// Writes errors as JSON-RPC does. Only the body changes.
    #[must_use]
    pub fn json_rpc_errors(self) -> Self {
        self.with(|guard| guard.errors = Errors::JsonRpc)
    }

    fn with(mut self, change: impl FnOnce(&mut Guard)) -> Self {
        let guard = Arc::make_mut(&mut self.guard);
        change(guard);
        guard.answers = Answers::new(guard.verifier.audience(), &guard.scopes, guard.errors);
        self
    }
}

impl<S> Layer<S> for RequireToken {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: Arc::clone(&self.guard) }
    }
}

/// A service behind [`RequireToken`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = GuardedFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let judged = self.guard.judge(request.headers());
        match judged {
            Ok(grant) => {
                self.guard.admit(&mut request, grant);
                GuardedFuture::inner(self.inner.call(request))
            }
            Err(Stopped::Needs(need)) => {
                // The one that was found ready is the one that has to be called.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                GuardedFuture::refresh(Arc::clone(&self.guard), need, ready, request)
            }
            Err(Stopped::Denied(denial)) => GuardedFuture::answer(self.guard.answer(denial, request)),
        }
    }
}
