//! `GET /v1/accept-set`: what a verifier needs, held until it changes.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Query,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use crossfade_verify::{Moment, View};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    auth::{Client, Role},
    error::ApiError,
    limits, names,
    precondition::IfNoneMatch,
    verdict::{self, Verdicts},
};
use crate::{
    clock::elapsed,
    distribution::{Ask, Publication, longest_wait},
    metrics::{Asked as Outcome, Rejection},
};

const TIMING: HeaderName = HeaderName::from_static("crossfade-timing");

/// Holds requests open until there is news.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) verdicts: Verdicts,
    pub(super) stop: CancellationToken,
}

#[derive(Deserialize)]
struct Params {
    audience: Option<String>,
}

impl Feed {
    /// Answers a request that was let go. One that can't be answered is told so, and counted, here as well.
    pub(super) async fn answer(&self, asked: Result<FeedRequest, ApiError>, client: &Client) -> Response {
        let answer = match asked {
            Ok(asked) => asked.answer(self, client).await,
            Err(error) => Err(error),
        };
        let outcome = match &answer {
            Ok(response) if response.status() == StatusCode::OK => Outcome::Changed,
            Ok(_) => Outcome::Unchanged,
            Err(error) => match error.status() {
                StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
                StatusCode::FORBIDDEN => Outcome::Forbidden,
                _ => Outcome::Malformed,
            },
        };
        self.verdicts.metrics.feed.asked(outcome);
        let mut response = answer.into_response();
        if self.stop.is_cancelled() {
            // Another replica will answer the next one.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A request, understood.
pub(super) struct FeedRequest {
    began: Moment,
    audience: Arc<str>,
    instance: Option<Box<str>>,
    nonce: Option<Box<str>>,
    if_none_match: IfNoneMatch,
    wait: Duration,
    /// Somebody's request waits for it.
    no_cache: bool,
}

impl FeedRequest {
    /// What this client asks for, from now on.
    pub(super) fn of(
        client: &Client,
        uri: &Uri,
        headers: &HeaderMap,
        began: Moment,
    ) -> Result<Self, ApiError> {
        client.has(Role::Verifier, "accept sets are for clients with the role `verifier`")?;
        let asked = Query::<Params>::try_from_uri(uri).ok().and_then(|Query(params)| params.audience);
        let asked = asked.ok_or_else(|| ApiError::invalid_request("one parameter `audience` is needed"))?;
        let audience = client.audience(&asked)?;
        Ok(Self {
            began,
            audience: Arc::clone(audience),
            instance: names::in_header(headers, "crossfade-instance")?.map(Box::from),
            nonce: names::in_header(headers, "crossfade-nonce")?.map(Box::from),
            if_none_match: IfNoneMatch::of(headers),
            wait: wait(headers),
            no_cache: no_cache(headers),
        })
    }

    async fn answer(&self, feed: &Feed, client: &Client) -> Result<Response, ApiError> {
        let Verdicts { distribution, metrics, clock, .. } = &feed.verdicts;
        let mut publication = self.complete(feed)?;
        if self.no_cache && is_old(&publication.view, self.began) {
            let jitter = verdict::jitter(self.began);
            distribution.renewed(&self.audience, limits::REFRESH_TIMEOUT, jitter).await;
            publication = self.complete(feed)?;
        }
        let text = publication.text();
        let confirms = self.if_none_match.is_just(&text.etag);
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
        let newest = if self.if_none_match.has(&text.etag) && !self.wait.is_zero() {
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
        let Ok(_place) = client.polls.places.try_acquire() else {
            feed.verdicts.metrics.rejected(Rejection::Busy);
            return Err(ApiError::busy("this client holds too many requests open already"));
        };
        let freshness = Duration::from_millis(publication.view.set.freshness_ms());
        let wait = self.wait.min(longest_wait(freshness));
        tokio::select! {
            biased;
            () = publication.content.replaced.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
            () = client.polls.over.cancelled() => {}
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
        let text = publication.text();
        let mut response = if self.if_none_match.has(&text.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (json_type, Body::from(text.json.clone())).into_response()
        };
        let held = elapsed(self.began, at).as_millis();
        let mut timing = format!("now={}, age={}, held={held}", view.now_ms(at), view.age_ms(at));
        if let Some(nonce) = &self.nonce {
            timing.extend([", nonce=", nonce]);
        }
        let headers = response.headers_mut();
        for (name, value) in [(header::ETAG, text.etag.clone()), (TIMING, timing.into())] {
            if let Ok(value) = HeaderValue::from_maybe_shared(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Whether it has to be read anew for a verifier's refresh. A daemon that was frozen does not know what it has missed; one
/// that was not reads the store more often than that.
fn is_old(view: &View, at: Moment) -> bool {
    view.age_ms(at) > view.set.freshness_ms() / 3
}

/// `Cache-Control: no-cache` (RFC 9111, section 5.2.1.4).
fn no_cache(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
}

/// `Prefer: wait=N`, in seconds (RFC 7240, sections 2 and 4.3). What can't be read is no preference.
fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| {
        let mut is_quoted = false;
        value.split(',').filter(move |part| {
            let begins_in_quotes = is_quoted;
            is_quoted ^= part.matches('"').count() % 2 == 1;
            !begins_in_quotes
        })
    });
    let mut waits = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse().ok())?
    });
    waits.next().map_or(Duration::ZERO, Duration::from_secs)
}
