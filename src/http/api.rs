//! The API for verifiers and bots, on `listen`.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    accept_set::Feed,
    auth::{Caller, Clients},
    authorize::{Proxies, authorize},
    error::ApiError,
    introspect::introspect,
    limits,
    reports::report,
    routes::Routes,
    token::{Counter, hand_out},
};
use crate::{
    clock::Clock,
    distribution::Distribution,
    metrics::{Metrics, Rejection},
};

/// What verdicts rest on.
#[derive(Clone)]
pub struct Verdicts {
    /// The accept sets.
    pub distribution: Arc<Distribution>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdicts").finish_non_exhaustive()
    }
}

pub use super::token::{Counter as TokenCounter, Sources as TokenSources};

/// Where requests are held open, on purpose.
pub(super) const ACCEPT_SET: &str = "/v1/accept-set";
/// Where a proxy shows its credential in a header of its own, because `Authorization` is its caller's.
const AUTHORIZE: &str = "/v1/authorize";

/// What `listen` answers, with every limit on. What is held open ends at `stop`.
pub fn routes(
    verdicts: Verdicts,
    tokens: Option<Arc<Counter>>,
    clients: Arc<Clients>,
    stop: CancellationToken,
) -> Routes {
    let places = Semaphore::new(limits::REQUESTS);
    let proxies = Arc::new(Proxies::new(verdicts.clone(), Arc::clone(&clients)));
    let gate = Arc::new(Gate { clients, places, metrics: Arc::clone(&verdicts.metrics) });
    let feed = Arc::new(Feed { gate: Arc::clone(&gate), verdicts: verdicts.clone(), stop });
    let authorize = any(authorize).with_state(proxies);
    let mut router = Router::new()
        .route("/v1/introspect", post(introspect))
        .route("/v1/reports", post(report))
        .with_state(Arc::new(verdicts))
        // `Feed` takes GET before this: the other methods are told so, with `Allow` (RFC 9110, section 15.5.6).
        .route(ACCEPT_SET, get(wrong_method))
        .route(AUTHORIZE, authorize.clone())
        .route("/v1/authorize/", authorize.clone())
        .route("/v1/authorize/{*path}", authorize);
    router = match tokens {
        Some(counter) => router.route("/v1/token", get(hand_out).with_state(counter)),
        None => router.route("/v1/token", get(needs_tls)),
    };
    let router = router
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(gate, pass));
    Routes { router, feed: Some(feed) }
}

/// What every request passes. It is one layer, because each layer that axum boxes costs a request as much
/// as the verdict itself does.
pub(super) struct Gate {
    pub(super) clients: Arc<Clients>,
    places: Semaphore,
    metrics: Arc<Metrics>,
}

/// Every request has its time.
async fn pass(
    State(gate): State<Arc<Gate>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
    next: Next,
) -> Response {
    let for_a_proxy = is_authorize(request.uri().path());
    let answer = tokio::time::timeout(limits::REQUEST_TIMEOUT, gate.admit(request, &caller, next)).await;
    gate.seal(answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response()), for_a_proxy)
}

/// The paths that are routed there, and no other: behind them nobody has been identified.
fn is_authorize(path: &str) -> bool {
    path.strip_prefix(AUTHORIZE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Gate {
    /// Sheds load before anything is read: what can't be answered in time is better told so at once. Lets in only who has
    /// a credential.
    async fn admit(&self, mut request: Request, caller: &Caller, next: Next) -> Response {
        let Ok(_place) = self.places.try_acquire() else {
            return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests at once")
                .into_response();
        };
        if !is_authorize(request.uri().path()) {
            let Some(client) = self.clients.identify(request.headers(), caller) else {
                return ApiError::bad_credential().into_response();
            };
            // Nothing behind this needs it, and what is not there can't leak.
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(client);
            DefaultBodyLimit::max(limits::BODY_BYTES).apply(&mut request);
        }
        next.run(request).await
    }

    /// Every answer leaves uncacheable, and every rejection is counted.
    pub(super) fn seal(&self, mut response: Response, for_a_proxy: bool) -> Response {
        let rejection = match response.status() {
            // That is a verdict.
            StatusCode::UNAUTHORIZED if for_a_proxy => None,
            StatusCode::UNAUTHORIZED => Some(Rejection::BadCredential),
            StatusCode::FORBIDDEN => Some(Rejection::Forbidden),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Rejection::BodyTooLarge),
            StatusCode::REQUEST_TIMEOUT => Some(Rejection::Timeout),
            status if status.is_client_error() => Some(Rejection::Malformed),
            _ => None,
        };
        if let Some(rejection) = rejection {
            self.metrics.rejected(rejection);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

async fn no_such_endpoint() -> ApiError {
    let what = "no such endpoint: /v1/introspect, /v1/authorize, /v1/accept-set, /v1/reports and /v1/token are served \
                here";
    ApiError::new(StatusCode::NOT_FOUND, "not_found", what)
}

async fn wrong_method() -> ApiError {
    let what = "wrong method: POST /v1/introspect and /v1/reports, GET /v1/accept-set and /v1/token";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", what)
}

async fn needs_tls() -> ApiError {
    ApiError::forbidden(
        "tokens are handed out over TLS or on a loopback listener: `allow_plaintext` does not cover them",
    )
}
