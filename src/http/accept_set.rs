//! `GET /v1/accept-set`: what a verifier needs, held until it changes.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use crossfade_verify::Moment;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    api::Verdicts,
    auth::{Client, Clients, Role},
    error::ApiError,
    names,
};
use crate::{
    clock::elapsed,
    distribution::{Ask, Publication, Text, longest_wait},
    metrics::Asked,
};

/// What the feed rests on.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) verdicts: Verdicts,
    pub(super) clients: Arc<Clients>,
    pub(super) stop: CancellationToken,
}

#[derive(Deserialize)]
pub(super) struct Params {
    audience: Option<String>,
}

pub(super) async fn accept_set(
    State(feed): State<Feed>,
    Extension(client): Extension<Arc<Client>>,
    query: Result<Query<Params>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let request = Request::of(&feed, &client, query, &headers);
    // It may be held for a minute, and thousands beside it.
    drop(headers);
    let answer = match request {
        Ok(request) => request.answer(&feed, &client).await,
        Err(error) => Err(error),
    };
    let outcome = match &answer {
        Ok(response) if response.status() == StatusCode::OK => Asked::Changed,
        Ok(_) => Asked::Unchanged,
        Err(error) => match error.status() {
            StatusCode::SERVICE_UNAVAILABLE => Asked::Unavailable,
            StatusCode::FORBIDDEN => Asked::Forbidden,
            _ => Asked::Malformed,
        },
    };
    feed.verdicts.metrics.feed.asked(outcome);
    let mut response = answer.into_response();
    if feed.stop.is_cancelled() {
        // Another replica will answer the next one.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A request, understood.
struct Request {
    began: Moment,
    audience: Arc<str>,
    instance: Option<Box<str>>,
    nonce: Option<Box<str>>,
    /// `If-None-Match`: what the verifier has applied.
    applied: Option<Box<str>>,
    wait: Duration,
}

impl Request {
    fn of(
        feed: &Feed,
        client: &Client,
        query: Result<Query<Params>, QueryRejection>,
        headers: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let began = feed.verdicts.clock.moment();
        if client.role != Role::Verifier {
            return Err(ApiError::forbidden("accept sets are for clients with the role `verifier`"));
        }
        let asked = query.ok().and_then(|Query(params)| params.audience);
        let asked = asked.ok_or_else(|| ApiError::invalid_request("one parameter `audience` is needed"))?;
        let Some(audience) = client.audiences.iter().find(|audience| ***audience == *asked) else {
            return Err(ApiError::forbidden("this client does not verify for that audience"));
        };
        Ok(Self {
            began,
            audience: Arc::clone(audience),
            instance: names::in_header(headers, "crossfade-instance")?.map(Box::from),
            nonce: names::in_header(headers, "crossfade-nonce")?.map(Box::from),
            applied: headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(Box::from),
            wait: wait(headers),
        })
    }

    async fn answer(&self, feed: &Feed, client: &Client) -> Result<Response, ApiError> {
        let Verdicts { distribution, metrics, clock, .. } = &feed.verdicts;
        let publication = self.complete(feed)?;
        let text = publication.text();
        let confirms = self.applied.as_deref() == Some(&*text.etag);
        let ask = self.instance.as_deref().map(|instance| Ask {
            client: &client.id,
            audience: &self.audience,
            instance,
            confirms,
        });
        if let Some(took) =
            ask.and_then(|ask| distribution.registry().asked(ask, &publication.content, self.began))
        {
            metrics.feed.propagated(took);
        }
        let newest = if confirms && !self.wait.is_zero() {
            self.hold(feed, client, &publication).await?;
            self.complete(feed)?
        } else {
            publication
        };
        let at = clock.moment();
        if let Some(ask) = ask {
            distribution.registry().answered(ask, at);
        }
        Ok(self.write(&newest, at))
    }

    /// Waits until another content counts, or a heartbeat is due, or the client or the daemon is no more.
    async fn hold(&self, feed: &Feed, client: &Client, publication: &Publication) -> Result<(), ApiError> {
        let Some(epoch) = feed.clients.epoch_of(client) else { return Ok(()) };
        let Ok(_place) = client.polls.0.try_acquire() else {
            return Err(ApiError::unavailable("this client holds too many requests open already"));
        };
        let freshness = Duration::from_millis(publication.view.set.freshness_ms());
        let wait = self.wait.min(longest_wait(freshness));
        tokio::select! {
            () = publication.content.replaced.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
            () = epoch.cancelled() => {}
            () = feed.stop.cancelled() => {}
        }
        Ok(())
    }

    /// The newest publication; one with a secret that was never read is none.
    fn complete(&self, feed: &Feed) -> Result<Arc<Publication>, ApiError> {
        let newest = feed.verdicts.distribution.published(&self.audience);
        newest.filter(|publication| publication.view.complete).ok_or_else(|| {
            ApiError::unavailable(
                "not every secret of this audience was read yet; `crossfade status` says why",
            )
        })
    }

    fn write(&self, publication: &Publication, at: Moment) -> Response {
        let Publication { view, .. } = publication;
        let Text { json, etag } = publication.text();
        let mut response = if self.applied.as_deref() == Some(&**etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (json_type, Body::from(json.clone())).into_response()
        };
        let held = elapsed(self.began, at).as_millis();
        let mut timing = format!("now={}, age={}, held={held}", view.now_ms(at), view.age_ms(at));
        if let Some(nonce) = &self.nonce {
            timing.push_str(&format!(", nonce={nonce}"));
        }
        for (name, value) in [("crossfade-timing", timing), ("etag", etag.clone())] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// `Prefer: wait=N`, in seconds (RFC 7240, sections 2 and 4.3). What can't be read is no preference.
fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let mut waits = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse().ok())?
    });
    waits.next().map_or(Duration::ZERO, Duration::from_secs)
}
