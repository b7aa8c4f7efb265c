//! The admin API on the unix socket: what `rotate`, `status` and the other commands call.
//!
//! Both ends check who the other one is: ours or root. Every order is written down with its peer,
//! refused ones too, and so is every call by anybody else.

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
    listener::Peer,
    operator::{Operator, OrderError, OrderReport, Preview, Running, SecretStatus, Unnamed},
    token,
};
use crate::{
    audit::{Action, AuditLog, Event, Outcome},
    clock::Clock,
    quiet::Quiet,
    rotation::plan::Request,
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

/// The body of an order: the versions that the person names. What is left out is what the store shows to a read that
/// begins after the order came.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderBody {
    /// `rotate`, `revoke`: only if that version is current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// `abort`: only if that version is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// `revoke`: the version to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `revoke`: end all versions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// `revoke`: end every previous version.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
    /// `rotate`: the token has leaked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compromised: bool,
}

impl OrderBody {
    const fn names_a_version(&self) -> bool {
        self.current.is_some() || self.pending.is_some() || self.version.is_some()
    }
}

/// What a person can ask about tokens.
pub fn about_tokens(tokens: Arc<TokenCounter>, verdicts: Arc<Verdicts>) -> Router {
    Router::new()
        .route("/v1/admin/tokens/{name}", post(token::hand_to_operator).with_state(tokens))
        .route("/v1/admin/verify", post(introspect::ask).with_state(verdicts))
}

/// The routes of the admin socket, and those beside them.
pub fn router(admin: Admin, others: Router) -> Router {
    let refusals = Arc::new(Quiet::new(limits::LINES, limits::LINES_EVERY));
    Router::new()
        .route("/v1/admin/notices", get(notices))
        .route("/v1/admin/secrets", get(secrets))
        .route("/v1/admin/secrets/{name}", get(secret))
        .route("/v1/admin/secrets/{name}/{verb}", post(order))
        .route("/v1/admin/previews/{name}", get(preview))
        .route("/v1/admin/daemon", get(daemon))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such endpoint"))
        .with_state(admin.clone())
        .merge(others)
        .layer(middleware::from_fn_with_state((admin, refusals), only_ours))
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits::ORDER_TIMEOUT))
}

/// The socket's mode keeps others out; this does so too where somebody has changed it, and says so: a few times a minute,
/// so that others fill neither log, nor the queue in which orders' entries wait.
async fn only_ours(
    State((admin, refusals)): State<(Admin, Arc<Quiet>)>,
    Extension(caller): Extension<Arc<Caller>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let peer = &caller.peer;
    if peer.is_ours() {
        return next.run(request).await;
    }
    let why = "the admin socket is for the daemon's own user and for root";
    let what = format!("{} {}", request.method(), request.uri().path());
    if let Some(left_out) = refusals.may_write(admin.clock.moment().boot_ms) {
        tracing::warn!(peer = %peer.name, "refused on the admin socket: {what}: {why}{left_out}");
        admin.record(refused(peer, format!("{what}: {why}{left_out}"))).await;
    }
    ApiError::forbidden(why).into_response()
}

async fn notices(State(admin): State<Admin>) -> Result<Json<Vec<String>>, OrderError> {
    Ok(Json(admin.operator.notices().await?))
}

async fn secrets(State(admin): State<Admin>) -> Result<Json<Vec<SecretStatus>>, OrderError> {
    Ok(Json(admin.operator.secrets().await?))
}

async fn secret(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<SecretStatus>, OrderError> {
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
) -> Result<Json<Preview>, OrderError> {
    Ok(Json(admin.operator.preview(&name, compromised).await?))
}

async fn order(
    State(admin): State<Admin>,
    Extension(caller): Extension<Arc<Caller>>,
    Path((name, verb)): Path<(String, String)>,
    body: Result<Option<Json<OrderBody>>, JsonRejection>,
) -> Result<Json<OrderReport>, Response> {
    let request = match body {
        Ok(body) => {
            let body = body.map(|Json(body)| body).unwrap_or_default();
            // What stands is needed only where a version is named, maybe by the beginning of its id.
            let seen = match admin.operator.secret(&name).await {
                Err(error) if body.names_a_version() => {
                    let refused = refused(&caller.peer, format!("{verb}: {error}"));
                    admin.record(Event { secret: Some(name), ..refused }).await;
                    return Err(error.into_response());
                }
                seen => seen.ok(),
            };
            request_of(&verb, &body, seen.as_ref())
        }
        Err(rejection) => Err(ApiError::invalid_request(rejection.body_text())),
    };
    let peer = &caller.peer;
    match request {
        Ok(request) => {
            let result = admin.operator.order(&name, request).await;
            let event = order_event(&peer.name, &name, request, &result);
            admin.record(Event { peer: Some(peer.name.to_string()), ..event }).await;
            result.map(Json).map_err(OrderError::into_response)
        }
        Err(error) => {
            let refused = refused(peer, format!("{verb}: {error}"));
            admin.record(Event { secret: Some(name), ..refused }).await;
            Err(error.into_response())
        }
    }
}

/// The order that a verb and its body mean.
fn request_of(verb: &str, body: &OrderBody, seen: Option<&SecretStatus>) -> Result<Request, ApiError> {
    let id = |given: &Option<String>| {
        let unseen = |text: &String| Err(Unnamed::NoVersion(text.clone()));
        let version = |text| seen.map_or_else(|| unseen(text), |seen| seen.version(text));
        given.as_ref().map(version).transpose().map_err(|unnamed| match unnamed {
            Unnamed::NoVersion(_) => ApiError::invalid_request(unnamed.to_string()),
            _ => ApiError::new(StatusCode::CONFLICT, "refused", unnamed.to_string()),
        })
    };
    let (named, version) = (id(&body.current)?, id(&body.version)?);
    Ok(match (verb, version) {
        ("rotate", _) if body.compromised => Request::Compromised { named },
        ("rotate", _) => Request::Rotate { named },
        ("abort", _) => Request::Abort { named: id(&body.pending)? },
        ("pause", _) => Request::Pause,
        ("resume", _) => Request::Resume,
        ("revoke", None) if body.all && !body.previous => Request::RevokeAll { named },
        ("revoke", None) if body.previous && !body.all => Request::RevokePrevious { named },
        ("revoke", Some(version)) if !body.all && !body.previous => Request::Revoke { version },
        ("revoke", _) => {
            return Err(ApiError::invalid_request("say which, and only one: `version`, `previous` or `all`"));
        }
        _ => return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such order")),
    })
}

/// What the audit log says of an order: what was ordered, about which version, and what came of it.
pub fn order_event(
    actor: &str,
    secret: &str,
    request: Request,
    result: &Result<OrderReport, OrderError>,
) -> Event {
    let (outcome, came) = match result {
        Ok(report) => (Outcome::Done, report.to_string()),
        Err(error @ OrderError::Unknown(_)) => (Outcome::Failed, error.to_string()),
        Err(error) => (Outcome::Refused, error.to_string()),
    };
    let version = result.as_ref().ok().map(|report| {
        let made = report.secret.standing("pending").filter(|_| request.replaces());
        made.map_or(&report.order.version, |pending| &pending.version).clone()
    });
    let (secret, detail) = (Some(secret.to_owned()), Some(format!("{request}: {came}")));
    Event { secret, version, detail, ..Event::new(Action::Order, actor, outcome) }
}

/// A call that never became an order.
fn refused(peer: &Peer, detail: String) -> Event {
    let of_peer = Event::new(Action::Order, &*peer.name, Outcome::Refused);
    Event { peer: Some(peer.name.to_string()), detail: Some(detail), ..of_peer }
}

impl Admin {
    /// In the queue of our own entries: no caller of `listen` is before it.
    async fn record(&self, event: Event) {
        self.audit.recorded(Timestamp::from_millis(self.clock.moment().wall_ms), event).await;
    }
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoSuchSecret(_) => StatusCode::NOT_FOUND,
            Self::NotCurrent(_) | Self::Refused(_) => StatusCode::CONFLICT,
            Self::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self)).into_response()
    }
}
