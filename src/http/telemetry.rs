//! `/metrics`, `/healthz`, `/readyz`, on `metrics_listen`: names and counts only, no credential.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use hyper::body::Frame;

use super::limits;
use crate::metrics::Metrics;

/// Why the daemon is not ready, in words; none: it is.
pub type Readiness = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Brings those metrics up to date that change by themselves.
pub type BeforeScrape = Arc<dyn Fn(&Metrics) + Send + Sync>;

#[derive(Clone)]
struct Telemetry {
    metrics: Arc<Metrics>,
    before_scrape: BeforeScrape,
    readiness: Readiness,
}

/// The routes of `metrics_listen`.
pub fn router(metrics: Arc<Metrics>, before_scrape: BeforeScrape, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || (StatusCode::NOT_FOUND, "served here: /metrics /healthz /readyz\n"))
        .layer(axum::extract::DefaultBodyLimit::max(0))
        .layer(tower_http::timeout::TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            limits::REQUEST_TIMEOUT,
        ))
        .with_state(Telemetry { metrics, before_scrape, readiness })
}

async fn scrape(State(telemetry): State<Telemetry>) -> Response {
    (telemetry.before_scrape)(&telemetry.metrics);
    match telemetry.metrics.text() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], Body::new(Pieces(text))).into_response()
        }
        Err(error) => {
            tracing::error!("the metrics could not be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Text that is written while it is sent.
struct Pieces<I>(I);

impl<I: Iterator<Item = String> + Unpin> hyper::body::Body for Pieces<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|text| Ok(Frame::data(text.into()))))
    }
}

async fn ready(State(telemetry): State<Telemetry>) -> Response {
    match (telemetry.readiness)() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}
