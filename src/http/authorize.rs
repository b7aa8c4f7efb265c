//! `ANY /v1/authorize`: a proxy asks whether a request may pass.
//!
//! The proxy shows its own credential in `Crossfade-Credential`, or a certificate, and passes the caller's headers on as they are. Which
//! audience is asked about, that alone says. What is wrong with the proxy is no word about the caller: 503.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    auth::Client,
    error::ApiError,
    presented,
    verdict::{self, Verdicts},
};
use crate::distribution::{Accepted, Decision};

/// Asked by a client that is a proxy.
pub(super) async fn authorize(
    verdicts: &Verdicts,
    client: &Client,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let [audience] = &*client.audiences else { return Err(ApiError::proxy_not_set_up()) };
    let token = match presented::token(headers, &client.token_headers) {
        Ok(token) => token,
        Err(flaw) => {
            verdicts.metrics.verdicts(audience, flaw.as_str(), 1);
            return Ok(refused(audience, flaw != presented::CredentialError::Missing));
        }
    };
    match verdict::decide(verdicts, client, &client.audiences, token).await {
        Decision::Accepted(accepted) => let_in(&accepted),
        Decision::Refused(_) => Ok(refused(audience, true)),
        Decision::Unsure => Err(verdict::unsure()),
    }
}

const IDENTITY: [HeaderName; 5] = [
    HeaderName::from_static("crossfade-client-id"),
    HeaderName::from_static("crossfade-secret"),
    HeaderName::from_static("crossfade-version"),
    HeaderName::from_static("crossfade-stage"),
    HeaderName::from_static("crossfade-expires"),
];

/// Each identity header, always: none that a caller made up gets through.
fn let_in(accepted: &Accepted) -> Result<Response, ApiError> {
    let Accepted { entry, expires_ms, .. } = accepted;
    let expires = (expires_ms / 1000).to_string();
    let values = [&*entry.client_id, &*entry.secret, &*entry.version, entry.stage.as_str(), &*expires];
    let mut response = StatusCode::OK.into_response();
    for (name, value) in IDENTITY.into_iter().zip(values) {
        let value = HeaderValue::from_str(value).map_err(|_| ApiError::proxy_not_set_up())?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// A challenge says no more than whether a token was there (RFC 6750, section 3).
fn refused(audience: &str, presented: bool) -> Response {
    let realm: String = audience.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
    let (error, what, challenge) = if presented {
        let challenge = format!("Bearer realm=\"{realm}\", error=\"invalid_token\"");
        ("invalid_token", "the token is not accepted", challenge)
    } else {
        ("unauthorized", "a bearer token is needed", format!("Bearer realm=\"{realm}\""))
    };
    let body = serde_json::json!({ "error": error, "error_description": what });
    let mut response = (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
