//! The admin API on the unix socket: what `rotate`, `status` and the other commands call.
//!
//! Both ends check who the other one is: ours or root. Every order is written down with its peer,
//! refused ones too.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tower_http::timeout::TimeoutLayer;

use super::{
    api::{TokenCounter, Verdicts},
    auth::Caller,
    error::ApiError,
    introspect, limits,
    operator::{Operator, OrderError, Preview, Running, SecretStatus, Unnamed},
    server::Peer,
    token,
};
use crate::{
    audit::{Action, AuditLog, Event, Outcome},
    clock::Clock,
    rotation::{plan::Demand, ring::VersionId},
    time::Timestamp,
};

/// What the admin API rests on.
#[derive(Clone)]
pub struct Admin {
    /// Whoever carries orders out.
    pub operator: Arc<dyn Operator>,
    /// Every order is written down.
    pub audit: Arc<AuditLog>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// By which config the daemon runs.
    pub running: Arc<dyn Fn() -> Running + Send + Sync>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// The body of an order: which versions the person saw. What is left out is taken from the store now.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderBody {
    /// `rotate`, `revoke`: seen as current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// `abort`: seen as pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// `revoke`: the version to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `revoke`: end all versions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// `rotate`: the token has leaked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compromised: bool,
}

/// What a person can ask about tokens.
pub fn about_tokens(tokens: Arc<TokenCounter>, verdicts: Arc<Verdicts>) -> Router {
    Router::new()
        .route("/v1/admin/tokens/{name}", post(token::hand_to_operator).with_state(tokens))
        .route("/v1/admin/verify", post(introspect::ask).with_state(verdicts))
}

/// The routes of the admin socket, and those beside them.
pub fn router(admin: Admin, others: Router) -> Router {
    Router::new()
        .route("/v1/admin/notices", get(notices))
        .route("/v1/admin/secrets", get(secrets))
        .route("/v1/admin/secrets/{name}", get(secret))
        .route("/v1/admin/secrets/{name}/{verb}", post(order))
        .route("/v1/admin/previews/{name}", get(preview))
        .route("/v1/admin/daemon", get(daemon))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such endpoint"))
        .with_state(admin)
        .merge(others)
        .layer(middleware::from_fn(only_ours))
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits::ORDER_TIMEOUT))
}

/// The socket's mode keeps others out; this does so too where somebody has changed it.
async fn only_ours(
    Extension(caller): Extension<Arc<Caller>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let us = rustix::process::geteuid().as_raw();
    match caller.peer.uid {
        Some(uid) if uid == 0 || uid == us => next.run(request).await,
        _ => {
            ApiError::forbidden("the admin socket is for the daemon's own user and for root").into_response()
        }
    }
}

async fn notices(State(admin): State<Admin>) -> Result<Json<Vec<String>>, Failure> {
    Ok(Json(admin.operator.notices().await?))
}

async fn secrets(State(admin): State<Admin>) -> Result<Json<Vec<SecretStatus>>, Failure> {
    Ok(Json(admin.operator.secrets().await?))
}

async fn secret(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Json<SecretStatus>, Failure> {
    Ok(Json(admin.operator.secret(&name).await?))
}

async fn daemon(State(admin): State<Admin>) -> Json<Running> {
    Json((admin.running)())
}

#[derive(Deserialize)]
struct Which {
    compromised: bool,
}

async fn preview(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Query(Which { compromised }): Query<Which>,
) -> Result<Json<Preview>, Failure> {
    Ok(Json(admin.operator.preview(&name, compromised).await?))
}

async fn order(
    State(admin): State<Admin>,
    Extension(caller): Extension<Arc<Caller>>,
    Path((name, verb)): Path<(String, String)>,
    body: Result<Option<Json<OrderBody>>, JsonRejection>,
) -> Result<Json<SecretStatus>, Failure> {
    let body = body.map_err(|e| Failure::Api(ApiError::invalid_request(e.body_text())))?;
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let result = carry_out(&admin, &name, &verb, &body).await;
    admin.record(&caller.peer, &name, &verb, &result).await;
    result.map(Json)
}

async fn carry_out(admin: &Admin, name: &str, verb: &str, body: &OrderBody) -> Result<SecretStatus, Failure> {
    let seen = admin.operator.secret(name).await?;
    let demand = demand(verb, body, &seen)?;
    Ok(admin.operator.order(name, demand).await?)
}

/// The order that a verb and its body mean.
fn demand(verb: &str, body: &OrderBody, seen: &SecretStatus) -> Result<Demand, ApiError> {
    let stands = |stage: &str| seen.versions.iter().find(|v| v.stage == stage).map(|v| v.version.clone());
    let id = |given: &Option<String>, stage: &str| -> Result<VersionId, ApiError> {
        let text = given.clone().or_else(|| stands(stage));
        let text = text.ok_or_else(|| {
            ApiError::new(StatusCode::CONFLICT, "refused", format!("no {stage} version stands"))
        })?;
        seen.version(&text).map_err(|unnamed| match unnamed {
            Unnamed::NoVersion(_) => ApiError::invalid_request(unnamed.to_string()),
            _ => ApiError::new(StatusCode::CONFLICT, "refused", unnamed.to_string()),
        })
    };
    Ok(match verb {
        "rotate" if body.compromised => Demand::Compromised { current: id(&body.current, "current")? },
        "rotate" => Demand::Rotate { current: id(&body.current, "current")? },
        "abort" => Demand::Abort { pending: id(&body.pending, "pending")? },
        "pause" => Demand::Pause,
        "resume" => Demand::Resume,
        "revoke" if body.all => Demand::RevokeAll { current: id(&body.current, "current")? },
        "revoke" if body.version.is_some() => Demand::Revoke { version: id(&body.version, "")? },
        "revoke" => return Err(ApiError::invalid_request("say which: `version` or `all`")),
        _ => return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such order")),
    })
}

impl Admin {
    async fn record(&self, peer: &Peer, name: &str, verb: &str, result: &Result<SecretStatus, Failure>) {
        let now = Timestamp::from_millis(self.clock.moment().wall_ms);
        let (outcome, detail) = match result {
            Ok(_) => (Outcome::Done, None),
            Err(Failure::Order(OrderError::Unknown(why))) => (Outcome::Failed, Some(why.clone())),
            Err(Failure::Order(error)) => (Outcome::Refused, Some(error.to_string())),
            Err(Failure::Api(_)) => (Outcome::Refused, None),
        };
        let event = Event {
            action: Action::Order,
            secret: Some(name.to_owned()),
            version: None,
            actor: peer.name.to_string(),
            peer: Some(peer.name.to_string()),
            outcome,
            detail: Some(detail.map_or_else(|| verb.to_owned(), |detail| format!("{verb}: {detail}"))),
        };
        let audit = Arc::clone(&self.audit);
        drop(tokio::task::spawn_blocking(move || audit.record(now, event)).await);
    }
}

/// What can go wrong with an order.
#[derive(Debug)]
enum Failure {
    Api(ApiError),
    Order(OrderError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        Self::Order(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Api(error) => return error.into_response(),
            Self::Order(error) => error,
        };
        let status = match error {
            OrderError::NoSuchSecret(_) => StatusCode::NOT_FOUND,
            OrderError::Refused(_) => StatusCode::CONFLICT,
            OrderError::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(error)).into_response()
    }
}
