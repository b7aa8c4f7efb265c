//! The API for verifiers and bots, on `listen`.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware,
    routing::{any, get, post},
};
use tokio_util::sync::CancellationToken;

use super::{
    accept_set::{ACCEPT_SET, Feed},
    auth::Clients,
    authorize::{AUTHORIZE, Proxies, authorize},
    error::ApiError,
    gate::{Gate, pass},
    introspect::introspect,
    reports::report,
    routes::Routes,
    token::{Counter, hand_out},
};

pub use super::{
    token::{Counter as TokenCounter, Sources as TokenSources},
    verdict::Verdicts,
};

/// What `listen` answers, with every limit on. What is held open ends at `stop`.
pub fn routes(
    verdicts: Verdicts,
    tokens: Option<Arc<Counter>>,
    clients: Arc<Clients>,
    stop: CancellationToken,
) -> Routes {
    let proxies = Arc::new(Proxies::new(verdicts.clone(), Arc::clone(&clients)));
    let gate = Arc::new(Gate::new(clients, Arc::clone(&verdicts.metrics)));
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
