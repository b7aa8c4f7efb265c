//! Errors as OAuth writes them: `{"error", "error_description"}` (RFC 6749, section 5.2).

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    /// Its own, beside those of every answer.
    headers: &'static [(HeaderName, &'static str)],
}

impl ApiError {
    pub(super) fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error, description: description.into(), headers: &[] }
    }

    /// The request is not what the endpoint takes.
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// The client's own credential is missing or wrong. A client that was taken out of the config loses its connections
    /// as well.
    pub(super) fn bad_credential() -> Self {
        let what = "a client credential is needed, as Bearer or as Basic id:credential, or a client's certificate; see `clients` in the config";
        let headers = &[
            (header::WWW_AUTHENTICATE, "Basic realm=\"crossfade\", charset=\"UTF-8\""),
            (header::CONNECTION, "close"),
        ];
        Self { headers, ..Self::new(StatusCode::UNAUTHORIZED, "invalid_client", what) }
    }

    /// The client is known, and may not do this.
    pub(super) fn forbidden(description: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", description)
    }

    /// The endpoint has other methods: these (RFC 9110, section 15.5.6).
    pub(super) fn wrong_method(allowed: &'static [(HeaderName, &'static str)]) -> Self {
        let what = "wrong method: POST /v1/introspect and /v1/reports, GET /v1/accept-set and /v1/token";
        Self { headers: allowed, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", what) }
    }

    /// The body is over its limit.
    pub(super) fn too_large() -> Self {
        let what = "the body is over 16 KiB: send a report in several parts";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", what)
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Nobody's fault but ours: try again.
    pub(super) fn unavailable(description: &'static str) -> Self {
        let new = Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description);
        Self { headers: RETRY, ..new }
    }

    /// Over a limit, which passes: try again.
    pub(super) fn busy(description: &'static str) -> Self {
        Self { headers: RETRY, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", description) }
    }

    /// What is wrong with a proxy is no word about its caller. To try again would not help. A proxy that was taken out of
    /// the config loses its connections.
    pub(super) fn proxy_not_set_up() -> Self {
        let what = "the proxy is not set up as it has to be";
        Self { headers: &[(header::CONNECTION, "close")], ..Self::unavailable(what) }
    }
}

const RETRY: &[(HeaderName, &str)] = &[(header::RETRY_AFTER, "1")];

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.description)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.error, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
        }
        response
    }
}
