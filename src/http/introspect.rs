//! `POST /v1/introspect`: token introspection (RFC 7662).

use std::{borrow::Cow, sync::Arc};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use crossfade_verify::Stage;
use serde::Serialize;

use super::{
    auth::{Client, Role},
    error::ApiError,
    operator::Question,
    verdict::{self, Verdicts},
};
use crate::distribution::{Accepted, Decision};

/// The form (RFC 7662, section 2.1). `token_type_hint` and anything else is ignored.
#[derive(Default)]
struct Params<'a> {
    token: Option<Cow<'a, str>>,
    audience: Option<Cow<'a, str>>,
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
    verdicts: &Verdicts,
    client: &Client,
    content_type: Option<&HeaderValue>,
    body: &[u8],
) -> Result<Response, ApiError> {
    let params = content_type.filter(|of| is_form(of)).and_then(|_| Params::of(body)).ok_or_else(|| {
        ApiError::invalid_request(format!("the body has to be a form ({FORM}) with one `token`"))
    })?;
    client.has(Role::Verifier, "introspection is for clients with the role `verifier`")?;
    let token = params.token.ok_or_else(|| ApiError::invalid_request("the parameter `token` is missing"))?;
    let one;
    // A parameter without a value is as if it were left out (RFC 6749, section 3.1). An empty token is asked about, and is
    // not active.
    let audiences: &[Arc<str>] = match params.audience.filter(|audience| !audience.is_empty()) {
        None => &client.audiences,
        Some(audience) => {
            one = [Arc::clone(client.audience(&audience)?)];
            &one
        }
    };
    let decision = verdict::decide(verdicts, client, audiences, token.as_bytes()).await;
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

/// In any case, and whatever its parameters (RFC 9110, section 8.3.1).
fn is_form(content_type: &HeaderValue) -> bool {
    let essence = content_type.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}

impl<'a> Params<'a> {
    /// None: one of them stands twice.
    fn of(body: &'a [u8]) -> Option<Self> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let param = match &*name {
                "token" => &mut params.token,
                "audience" => &mut params.audience,
                _ => continue,
            };
            if param.replace(value).is_some() {
                return None;
            }
        }
        Some(params)
    }
}
