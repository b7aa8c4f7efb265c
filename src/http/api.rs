//! The API for verifiers and bots, on `listen`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    accept_set::{Feed, accept_set},
    auth::Clients,
    authorize::{Proxies, authorize},
    error::ApiError,
    introspect::introspect,
    limits,
    reports::report,
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

pub use super::token::Counter as TokenCounter;

/// Where requests are held open, on purpose.
const ACCEPT_SET: &str = "/v1/accept-set";
/// Where a proxy shows its credential in a header of its own, because `Authorization` is its caller's.
const AUTHORIZE: &str = "/v1/authorize";

/// The routes of `listen`, with every limit on. What is held open ends at `stop`.
pub fn router(
    verdicts: Verdicts,
    tokens: Option<Counter>,
    clients: Arc<Clients>,
    stop: CancellationToken,
) -> Router {
    let places = Semaphore::new(limits::REQUESTS);
    let feed = Arc::new(Feed { verdicts: verdicts.clone(), stop });
    let proxies = Arc::new(Proxies { verdicts: verdicts.clone(), clients: Arc::clone(&clients) });
    let gate = Arc::new(Gate { clients, places, metrics: Arc::clone(&verdicts.metrics) });
    let authorize = any(authorize).with_state(proxies);
    let mut router = Router::new()
        .route("/v1/introspect", post(introspect))
        .route("/v1/reports", post(report))
        .with_state(Arc::new(verdicts))
        .route(ACCEPT_SET, get(accept_set).with_state(feed))
        .route(AUTHORIZE, authorize.clone())
        .route("/v1/authorize/", authorize.clone())
        .route("/v1/authorize/{*path}", authorize);
    router = match tokens {
        Some(counter) => router.route("/v1/token", get(hand_out).with_state(Arc::new(counter))),
        None => router.route("/v1/token", get(needs_tls)),
    };
    router
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(gate, pass))
}

/// What every request passes. It is one layer, because each layer that axum boxes costs a request as much
/// as the verdict itself does.
struct Gate {
    clients: Arc<Clients>,
    places: Semaphore,
    metrics: Arc<Metrics>,
}

/// Every request has its time, every answer leaves uncacheable, and every rejection is counted.
async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_a_proxy = is_authorize(path);
    let mut response = if path == ACCEPT_SET {
        // It has neither a body to wait for nor a verdict to make, and bounds its own time.
        gate.identify(request, next).await
    } else {
        let answer = tokio::time::timeout(limits::REQUEST_TIMEOUT, gate.admit(request, next)).await;
        answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
    };
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
        gate.metrics.rejected(rejection);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The requests that wait for news.
pub fn waits(uri: &Uri) -> bool {
    uri.path() == ACCEPT_SET
}

/// The paths that are routed there, and no other: behind them nobody has been identified.
fn is_authorize(path: &str) -> bool {
    path.strip_prefix(AUTHORIZE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Gate {
    /// Sheds load before anything is read: what can't be answered in time is better told so at once.
    async fn admit(&self, request: Request, next: Next) -> Response {
        let Ok(_place) = self.places.try_acquire() else {
            return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests at once")
                .into_response();
        };
        if is_authorize(request.uri().path()) {
            next.run(request).await
        } else {
            self.identify(request, next).await
        }
    }

    /// Lets in only who has a credential.
    async fn identify(&self, mut request: Request, next: Next) -> Response {
        if !self.clients.identify(&mut request) {
            return ApiError::bad_credential().into_response();
        }
        DefaultBodyLimit::max(limits::BODY_BYTES).apply(&mut request);
        next.run(request).await
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
