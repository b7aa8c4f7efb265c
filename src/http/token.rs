//! `GET /v1/token`: hands the current token to a bot; on the admin socket, to a person. The only module here that
//! touches tokens.
//!
//! The token is read from the store for each request: a bot that obtained it by the rules read it
//! as the current one, and nothing here can be staler than the store itself.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    auth::{Caller, Client, Role},
    error::ApiError,
    operator::OrderError,
};
use crate::{
    audit::{Action, AuditLog, Event, Outcome},
    clock::Clock,
    distribution::Member,
    time::{Timestamp, millis},
    token::{Reveal, RevealError},
};

/// A bot may keep a token for this part of its grace: the rest is for the run that it starts with it.
const CACHED_PART_OF_GRACE: u32 = 10;
/// And no longer than this.
const CACHED_AT_MOST: Duration = Duration::from_secs(300);

/// Looks up who a secret is for.
type Members = Box<dyn Fn(&str) -> Option<Member> + Send + Sync>;

/// Where tokens are handed out.
pub struct Counter {
    /// Reads them from the store.
    pub reveal: Arc<dyn Reveal>,
    /// Who a secret is for, by the config in force.
    pub member: Members,
    /// Every hand-out is written down.
    pub audit: Arc<AuditLog>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
pub(super) struct Params {
    secret: String,
}

/// The answer; it borrows the token, and is written straight into the response.
#[derive(Serialize)]
struct Handed<'a> {
    token: &'a str,
    version: String,
    client_id: &'a str,
    audience: &'a str,
    refresh_after_ms: u64,
}

pub(super) async fn hand_out(
    State(counter): State<Arc<Counter>>,
    Extension(client): Extension<Arc<Client>>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(Params { secret }) =
        params.map_err(|_| ApiError::invalid_request("the query needs one `secret=NAME`"))?;
    let result = counter.hand_out(&client, &secret).await;
    let (outcome, version) = match &result {
        Ok((_, version)) => (Outcome::Done, Some(version.clone())),
        Err(_) => (Outcome::Refused, None),
    };
    counter.record((format!("client:{}", client.id), None), secret, version, outcome).await;
    result.map(|(response, _)| response)
}

/// For a person on the admin socket: who may ask there can read the store itself.
pub(super) async fn hand_to_operator(
    State(counter): State<Arc<Counter>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(secret): Path<String>,
) -> Response {
    // The config's name for it, which the store knows, whatever the person calls it.
    let known = (counter.member)(&secret).map(|member| member.secret);
    let result = match &known {
        Some(known) => counter.reveal.reveal(known).await.map_err(|error| OrderError::Refused(chain(&error))),
        None => Err(OrderError::NoSuchSecret(secret.clone())),
    };
    let secret = known.map_or(secret, |known| known.to_string());
    let (outcome, version) = match &result {
        Ok((version, _)) => (Outcome::Done, Some(version.to_string())),
        Err(_) => (Outcome::Refused, None),
    };
    let peer = caller.peer.name.to_string();
    counter.record((peer.clone(), Some(peer)), secret, version, outcome).await;
    match result {
        Ok((_, token)) => Json(token.expose()).into_response(),
        Err(error @ OrderError::NoSuchSecret(_)) => (StatusCode::NOT_FOUND, Json(error)).into_response(),
        Err(error) => (StatusCode::CONFLICT, Json(error)).into_response(),
    }
}

impl Counter {
    async fn hand_out(&self, client: &Client, secret: &str) -> Result<(Response, String), ApiError> {
        if client.role != Role::Bot {
            return Err(ApiError::forbidden("tokens are for clients with the role `bot`"));
        }
        let member = (self.member)(secret).filter(|member| client.secrets.contains(&member.secret));
        let member =
            member.ok_or_else(|| ApiError::forbidden("this client may not have that secret's token"))?;
        let (version, token) = self.reveal.reveal(&member.secret).await.map_err(unavailable)?;
        let cached = (member.grace / CACHED_PART_OF_GRACE).min(CACHED_AT_MOST);
        let version = version.to_string();
        let body = serde_json::to_vec(&Handed {
            token: token.expose(),
            version: version.clone(),
            client_id: &member.client_id,
            audience: &member.audience,
            refresh_after_ms: millis(cached),
        });
        let body = body.map_err(|_| ApiError::unavailable("the answer could not be written"))?;
        let mut response = Body::from(body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok((response, version))
    }

    async fn record(
        &self,
        (actor, peer): (String, Option<String>),
        secret: String,
        version: Option<String>,
        outcome: Outcome,
    ) {
        let now = Timestamp::from_millis(self.clock.moment().wall_ms);
        let event = Event {
            action: Action::TokenHandedOut,
            // A name that is not in the config is the caller's text: only its being wrong is kept.
            secret: (self.member)(&secret).map(|member| member.secret.to_string()),
            version,
            actor,
            peer,
            outcome,
            detail: None,
        };
        // In the callers' queue, and on the disk before anything is handed out. Where it is full, see below.
        let _ = self.audit.recorded_for(now, event, ()).await;
    }
}

fn unavailable(error: RevealError) -> ApiError {
    tracing::warn!("no token handed out: {error}");
    ApiError::unavailable(match error {
        RevealError::NoSuchSecret => "the secret has no version yet",
        RevealError::Unreadable(_) => "the token can't be read from the store right now",
    })
}

/// An error with its causes, for the person who has to mend them.
fn chain(error: &RevealError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
