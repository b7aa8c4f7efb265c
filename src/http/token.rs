//! `GET /v1/token`: hands the current token to a bot; on the admin socket, to a person. The only module here that
//! touches tokens.
//!
//! The token is read from the store for each request: a bot that obtained it by the rules read it
//! as the current one, and nothing here can be staler than the store itself.
//!
//! What a caller can start here is bounded: a share of places ([`hand_outs`]) for hand-outs, each of which is kept until the
//! hand-out's entry in the audit log is on the disk, and a few entries a second for refusals ([`refusals`]). Who is over
//! it gets 503, and no token. No thread waits for any of it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    auth::{Caller, Client, Role},
    error::ApiError,
    limits,
    operator::OrderError,
};
use crate::{
    audit::{Action, AuditLog, Event, Outcome},
    causes::chain,
    clock::Clock,
    distribution::Member,
    metrics::{Metrics, Rejection},
    quiet::Quiet,
    time::{Timestamp, millis},
    token::{Reveal, RevealError},
};

mod hand_outs;
mod refusals;

use hand_outs::{HandOut, HandOuts};
use refusals::Refusals;

/// A bot may keep a token for this part of its grace: the rest is for the run that it starts with it.
const CACHED_PART_OF_GRACE: u32 = 10;
/// And no longer than this.
const CACHED_AT_MOST: Duration = Duration::from_secs(300);

/// Looks up who a secret is for.
type Members = Box<dyn Fn(&str) -> Option<Member> + Send + Sync>;

/// What handing out tokens rests on.
pub struct Sources {
    /// Reads them from the store.
    pub reveal: Arc<dyn Reveal>,
    /// Who a secret is for, by the config in force.
    pub member: Members,
    /// Every hand-out is written down.
    pub audit: Arc<AuditLog>,
    /// Who gets none is counted.
    pub metrics: Arc<Metrics>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// Where tokens are handed out.
pub struct Counter {
    sources: Sources,
    hand_outs: Arc<HandOuts>,
    refusals: Refusals,
    /// Lines about a store that can't be read.
    unread: Quiet,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Params {
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

pub(super) async fn hand_out(counter: &Counter, client: &Client, uri: &Uri) -> Result<Response, ApiError> {
    let Query(Params { secret }) = Query::try_from_uri(uri)
        .map_err(|_| ApiError::invalid_request("the query needs one `secret=NAME`"))?;
    let member = match counter.allowed(client, &secret) {
        Ok(member) => member,
        Err(refusal) => {
            counter.refused(client, &secret).await;
            return Err(refusal);
        }
    };
    let Some(place) = counter.hand_outs.begin(&client.id) else {
        counter.sources.metrics.rejected(Rejection::Busy);
        return Err(ApiError::busy("too many tokens are being handed out at once"));
    };
    counter.hand_out(client, &member, place).await
}

/// For a person on the admin socket: who may ask there can read the store itself.
pub(super) async fn hand_to_operator(
    State(counter): State<Arc<Counter>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(secret): Path<String>,
) -> Response {
    // The config's name for it, which the store knows, whatever the person calls it.
    let Sources { reveal, member, audit, .. } = &counter.sources;
    let known = member(&secret).map(|member| member.secret);
    let result = match &known {
        Some(known) => reveal.reveal(known).await.map_err(|error| OrderError::Refused(chain(&error))),
        None => Err(OrderError::NoSuchSecret(secret.clone())),
    };
    let secret = known.map_or(secret, |known| known.to_string());
    let (outcome, version) = match &result {
        Ok((version, _)) => (Outcome::Done, Some(version.to_string())),
        Err(_) => (Outcome::Refused, None),
    };
    let peer = caller.peer.name.to_string();
    // A person's entry is one of ours: no client is before it.
    let event = counter.event(&peer, &secret, version, outcome);
    audit.recorded(counter.now(), Event { peer: Some(peer), ..event }).await;
    match result {
        Ok((_, token)) => Json(token.expose()).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Counter {
    /// One that has handed out nothing yet.
    pub fn new(sources: Sources) -> Self {
        let unread = Quiet::new(limits::LINES, limits::LINES_EVERY);
        Self { sources, hand_outs: Arc::default(), refusals: Refusals::default(), unread }
    }

    /// Writes down how often clients were refused beyond what has entries of its own: each second, until `stop`, and
    /// then once more.
    pub async fn tell_refusals(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = self.sources.clock.sleep(refusals::EVERY) => false,
            };
            for (client, times) in self.refusals.take() {
                let detail = format!("refused {times} more times since the entry before");
                self.write_refusals(
                    &client,
                    times,
                    Event { detail: Some(detail), ..self.refusal(&client, "") },
                )
                .await;
            }
            if is_over {
                return;
            }
        }
    }

    /// Whose token that is, where this client may have it.
    fn allowed(&self, client: &Client, secret: &str) -> Result<Member, ApiError> {
        client.has(Role::Bot, "tokens are for clients with the role `bot`")?;
        let member = (self.sources.member)(secret).filter(|member| client.secrets.contains(&member.secret));
        member.ok_or_else(|| ApiError::forbidden("this client may not have that secret's token"))
    }

    /// The token, once it stands in the audit log that it was handed out.
    async fn hand_out(&self, client: &Client, member: &Member, place: HandOut) -> Result<Response, ApiError> {
        let Sources { reveal, audit, metrics, .. } = &self.sources;
        let (version, token) = match reveal.reveal(&member.secret).await {
            Ok(revealed) => revealed,
            Err(error) => {
                self.refused(client, &member.secret).await;
                return Err(self.unavailable(error));
            }
        };
        let version = version.to_string();
        let event = self.event(&actor(&client.id), &member.secret, Some(version.clone()), Outcome::Done);
        // Where it is too late for the caller the entry stands all the same: better one too many than one too few.
        let written = audit.recorded_for(self.now(), event, place);
        if !matches!(tokio::time::timeout(limits::WRITTEN, written).await, Ok(Ok(()))) {
            metrics.rejected(Rejection::Unwritten);
            let why = "the hand-out can't be written into the audit log right now";
            return Err(ApiError::unavailable(why));
        }
        let cached = (member.grace / CACHED_PART_OF_GRACE).min(CACHED_AT_MOST);
        let body = serde_json::to_vec(&Handed {
            token: token.expose(),
            version,
            client_id: &member.client_id,
            audience: &member.audience,
            refresh_after_ms: millis(cached),
        });
        let body = body.map_err(|_| ApiError::unavailable("the answer could not be written"))?;
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    }

    /// Writes a refusal down, or counts it.
    async fn refused(&self, client: &Client, secret: &str) {
        if self.refusals.has_its_entry(&client.id) {
            self.write_refusals(&client.id, 1, self.refusal(&client.id, secret)).await;
        }
    }

    /// An entry that stands for so many refusals. Where callers' queue is full they are in the next number; what is only
    /// late is written all the same.
    async fn write_refusals(&self, client: &Arc<str>, times: u64, event: Event) {
        let written = self.sources.audit.recorded_for(self.now(), event, ());
        if let Ok(Err(_)) = tokio::time::timeout(limits::WRITTEN, written).await {
            self.refusals.left_out(client, times);
        }
    }

    fn refusal(&self, client: &str, secret: &str) -> Event {
        self.event(&actor(client), secret, None, Outcome::Refused)
    }

    fn event(&self, actor: &str, secret: &str, version: Option<String>, outcome: Outcome) -> Event {
        // A name that is not in the config is the caller's text: only its being wrong is kept.
        let secret = (self.sources.member)(secret).map(|member| member.secret.to_string());
        Event { secret, version, ..Event::new(Action::TokenHandedOut, actor, outcome) }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.sources.clock.moment().wall_ms)
    }

    fn unavailable(&self, error: RevealError) -> ApiError {
        if let Some(left_out) = self.unread.may_write(self.sources.clock.moment().boot_ms) {
            tracing::warn!("no token handed out: {error}{left_out}");
        }
        ApiError::unavailable(match error {
            RevealError::NoSuchSecret => "the secret has no version yet",
            RevealError::Unreadable(_) => "the token can't be read from the store right now",
        })
    }
}

fn actor(client: &str) -> String {
    format!("client:{client}")
}
