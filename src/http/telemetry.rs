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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits;
use crate::metrics::{Metrics, Rejection};

/// Why the daemon is not ready, in words; none: it is.
pub type Readiness = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Brings those metrics up to date that change by themselves.
pub type BeforeScrape = Arc<dyn Fn(&Metrics) + Send + Sync>;

#[derive(Clone)]
struct Telemetry {
    metrics: Arc<Metrics>,
    before_scrape: BeforeScrape,
    readiness: Readiness,
    /// Each scrape holds a part of the text in memory until its reader has taken it.
    scrapes: Arc<Semaphore>,
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
        .with_state(Telemetry {
            metrics,
            before_scrape,
            readiness,
            scrapes: Arc::new(Semaphore::new(limits::SCRAPES)),
        })
}

async fn scrape(State(telemetry): State<Telemetry>) -> Response {
    let Ok(place) = Arc::clone(&telemetry.scrapes).try_acquire_owned() else {
        telemetry.metrics.rejected(Rejection::Busy);
        let retry = [(header::RETRY_AFTER, "1")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many scrapes at once\n").into_response();
    };
    (telemetry.before_scrape)(&telemetry.metrics);
    match telemetry.metrics.text() {
        Ok(text) => {
            let body = Body::new(Pieces { text, _place: place });
            ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response()
        }
        Err(error) => {
            tracing::error!("the metrics could not be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Text that is written while it is sent.
struct Pieces<I> {
    text: I,
    _place: OwnedSemaphorePermit,
}

impl<I: Iterator<Item = String> + Unpin> hyper::body::Body for Pieces<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.text.next().map(|text| Ok(Frame::data(text.into()))))
    }
}

async fn ready(State(telemetry): State<Telemetry>) -> Response {
    match (telemetry.readiness)() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(router: &Router, path: &str) -> Response {
        let request = axum::http::Request::get(path).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer")
    }

    #[tokio::test]
    async fn scrapes_that_nobody_reads_are_few_and_keep_health_from_nobody() {
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let router = router(metrics, Arc::new(|_| {}), Arc::new(|| None));
        let mut unread = Vec::new();
        for _ in 0..limits::SCRAPES {
            let scrape = ask(&router, "/metrics").await;
            assert_eq!(scrape.status(), StatusCode::OK);
            unread.push(scrape);
        }
        let one_more = ask(&router, "/metrics").await;
        assert_eq!(one_more.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(one_more.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(ask(&router, "/healthz").await.status(), StatusCode::OK);
        drop(unread.pop());
        assert_eq!(ask(&router, "/metrics").await.status(), StatusCode::OK);
    }
}
