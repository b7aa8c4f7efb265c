//! `POST /v1/introspect`: token introspection (RFC 7662).

use std::sync::Arc;

use axum::{
    Extension, Form, Json,
    extract::{FromRequest as _, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use crossfade_verify::Stage;
use serde::{Deserialize, Serialize};

use super::{
    auth::{Client, Role},
    error::ApiError,
    operator::Question,
    verdict::{self, Verdicts},
};
use crate::distribution::{Accepted, Decision};

/// The form (RFC 7662, section 2.1). `token_type_hint` and anything else is ignored.
#[derive(Deserialize)]
pub(super) struct Params {
    token: Option<String>,
    audience: Option<String>,
}

/// An accepted token (RFC 7662, section 2.2; `exp` and `iat` are on the wall clock; `secret`, `version` and `stage` are ours). By name, so that
/// it reads the same wherever it is written.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    aud: &'a str,
    client_id: &'a str,
    exp: u64,
    iat: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    secret: &'a str,
    stage: &'a str,
    sub: &'a str,
    token_type: &'static str,
    version: &'a str,
}

pub(super) async fn introspect(
    State(verdicts): State<Arc<Verdicts>>,
    Extension(client): Extension<Arc<Client>>,
    request: Request,
) -> Result<Response, ApiError> {
    let params = params(request).await?;
    if client.role != Role::Verifier {
        return Err(ApiError::forbidden("introspection is for clients with the role `verifier`"));
    }
    let token = params.token.ok_or_else(|| ApiError::invalid_request("the parameter `token` is missing"))?;
    let one;
    // A parameter without a value is as if it were left out (RFC 6749, section 3.1). An empty token is asked about, and is
    // not active.
    let audiences: &[Arc<str>] = match params.audience.filter(|audience| !audience.is_empty()) {
        None => &client.audiences,
        Some(audience) => {
            let Some(known) = client.audiences.iter().find(|a| ***a == *audience) else {
                return Err(ApiError::forbidden("this client does not verify for that audience"));
            };
            one = [Arc::clone(known)];
            &one
        }
    };
    let decision = verdict::decide(&verdicts, &client, audiences, token.as_bytes()).await;
    Ok(match decision {
        Decision::Accepted(accepted) => Json(Active::of(&accepted, &scope(&accepted))).into_response(),
        Decision::Refused(_) => Json(serde_json::json!({ "active": false })).into_response(),
        Decision::Unsure => verdict::unsure().into_response(),
    })
}

/// For a person on the admin socket. A look of theirs is no use of the token, and counted nowhere.
pub(super) async fn ask(
    State(verdicts): State<Arc<Verdicts>>,
    question: Result<Json<Question>, JsonRejection>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let Json(question) = question.map_err(|e| ApiError::invalid_request(e.body_text()))?;
    let audiences = [Arc::from(question.audience)];
    let (decision, _) = verdict::judge(&verdicts, &audiences, question.token.as_bytes()).await;
    Ok(Json(told(&decision)))
}

/// What the endpoint would say, with the reason that it tells nobody.
pub fn told(decision: &Decision) -> serde_json::Value {
    match decision {
        Decision::Accepted(accepted) => {
            let active = serde_json::to_value(Active::of(accepted, &scope(accepted)));
            let mut body = active.unwrap_or_default();
            body["reason"] = "accepted".into();
            body
        }
        Decision::Refused(reason) => serde_json::json!({ "active": false, "reason": reason.as_str() }),
        Decision::Unsure => serde_json::json!({ "reason": "unsure" }),
    }
}

impl<'a> Active<'a> {
    fn of(Accepted { audience, entry, expires_ms, created_ms, .. }: &'a Accepted, scope: &'a str) -> Self {
        Self {
            active: true,
            aud: audience,
            client_id: &entry.client_id,
            exp: expires_ms / 1000,
            iat: created_ms / 1000,
            scope,
            secret: &entry.secret,
            stage: Stage::as_str(entry.stage),
            sub: &entry.client_id,
            token_type: "Bearer",
            version: &entry.version,
        }
    }
}

/// Separated by spaces (RFC 6749, section 3.3).
fn scope(accepted: &Accepted) -> String {
    accepted.entry.scopes.join(" ")
}

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

async fn params(mut request: Request) -> Result<Params, ApiError> {
    let no_form =
        || ApiError::invalid_request(format!("the body has to be a form ({FORM}) with one `token`"));
    if !is_form(request.headers()) {
        return Err(no_form());
    }
    // axum knows it in lowercase alone.
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    let Form(params) = Form::from_request(request, &()).await.map_err(|_| no_form())?;
    Ok(params)
}

/// In any case, and whatever its parameters (RFC 9110, section 8.3.1).
fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}
