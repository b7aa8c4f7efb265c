//! `ANY /v1/authorize`: a proxy asks whether a request may pass.
//!
//! The proxy shows its own credential in `Crossfade-Credential`, or a certificate, and passes the caller's headers on as they are. Which
//! audience is asked about, that alone says. What is wrong with the proxy is no word about the caller: 503.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    auth::{Caller, Client, Clients, Role},
    credential,
    error::ApiError,
    limits,
    tls::Certificate,
    verdict::{self, Verdicts},
};
use crate::{
    distribution::{Accepted, Decision},
    metrics::Rejection,
    quiet::Quiet,
};

/// Where a proxy shows its credential in a header of its own, because `Authorization` is its caller's.
pub(super) const AUTHORIZE: &str = "/v1/authorize";

/// The paths that are routed there, and no other: behind them nobody has been identified.
pub(super) fn is_authorize(path: &str) -> bool {
    path.strip_prefix(AUTHORIZE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What answering proxies rests on.
pub(super) struct Proxies {
    pub(super) verdicts: Verdicts,
    pub(super) clients: Arc<Clients>,
    /// Lines about proxies that are not set up: anybody who reaches `listen` can cause them. All of them are counted.
    unfit: Quiet,
}

impl Proxies {
    pub(super) fn new(verdicts: Verdicts, clients: Arc<Clients>) -> Self {
        Self { verdicts, clients, unfit: Quiet::new(limits::LINES, limits::LINES_EVERY) }
    }
}

pub(super) async fn authorize(
    State(proxies): State<Arc<Proxies>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let Proxies { verdicts, clients, unfit } = &*proxies;
    let headers = request.headers();
    let (client, audience) = match proxy(clients, caller.certificate.as_ref(), headers) {
        Ok(known) => known,
        Err(why) => {
            verdicts.metrics.rejected(Rejection::BadCredential);
            if let Some(left_out) = unfit.may_write(verdicts.clock.moment().boot_ms) {
                tracing::warn!("a proxy was not answered, so its callers get 503: {why}{left_out}");
            }
            return not_configured();
        }
    };
    let (true, Some(_of_its_share)) = (caller.is_known(&client), client.share.request()) else {
        verdicts.metrics.rejected(Rejection::Busy);
        return ApiError::busy("this client has too many requests or connections at once").into_response();
    };
    let token = match credential::token(headers, &client.token_headers) {
        Ok(token) => token,
        Err(flaw) => {
            verdicts.metrics.verdicts(&audience, flaw.as_str(), 1);
            return refused(&audience, flaw != credential::CredentialError::Missing);
        }
    };
    match verdict::decide(verdicts, &client, std::slice::from_ref(&audience), token).await {
        Decision::Accepted(accepted) => let_in(&accepted),
        Decision::Refused(_) => refused(&audience, true),
        Decision::Unsure => verdict::unsure().into_response(),
    }
}

/// The proxy, and the one audience that it stands before.
fn proxy(
    clients: &Clients,
    certificate: Option<&Arc<Certificate>>,
    headers: &HeaderMap,
) -> Result<(Arc<Client>, Arc<str>), String> {
    let client = clients.by_certificate(certificate).map_or_else(|| by_header(clients, headers), Ok)?;
    match (client.role, &*client.audiences) {
        (Role::Verifier, [audience]) => Ok((Arc::clone(&client), Arc::clone(audience))),
        (Role::Verifier, _) => {
            Err(format!("the client {} has several audiences: a proxy has one", client.id))
        }
        _ => Err(format!("the client {} is no verifier", client.id)),
    }
}

fn by_header(clients: &Clients, headers: &HeaderMap) -> Result<Arc<Client>, String> {
    let mut shown = headers.get_all("crossfade-credential").iter();
    let (Some(credential), None) = (shown.next(), shown.next()) else {
        return Err("one header `Crossfade-Credential` is needed, or a certificate of a client".to_owned());
    };
    let client = clients.by_credential(credential.as_bytes());
    client.ok_or_else(|| "its credential is not one of the config's `clients`".to_owned())
}

/// Each identity header, always: none that a caller made up gets through.
fn let_in(accepted: &Accepted) -> Response {
    let Accepted { entry, expires_ms, .. } = accepted;
    let expires = (expires_ms / 1000).to_string();
    let identity = [
        ("crossfade-client-id", &*entry.client_id),
        ("crossfade-secret", &*entry.secret),
        ("crossfade-version", &*entry.version),
        ("crossfade-stage", entry.stage.as_str()),
        ("crossfade-expires", &*expires),
    ];
    let mut response = StatusCode::OK.into_response();
    for (name, value) in identity {
        let Ok(value) = HeaderValue::from_str(value) else { return not_configured() };
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
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

/// To try again would not help, so there is no Retry-After. A client that was taken out of the config loses its
/// connections.
fn not_configured() -> Response {
    let mut response = ApiError::unavailable("the proxy is not set up as it has to be").into_response();
    response.headers_mut().remove(header::RETRY_AFTER);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
