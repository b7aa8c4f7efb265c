//! What a caller is told who is not let in: no more than he has to know.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use super::rest::Rest;
use crate::{presented::CredentialError, verifier::Denial};

/// Of JSON-RPC: one of those that a server may define.
const JSON_RPC_CODE: i32 = -32_001;

/// In seconds. A view is asked for once a second at most.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How errors are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errors {
    OAuth,
    JsonRpc,
}

/// The answers, written once.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    missing: Answer,
    invalid: Answer,
    insufficient_scope: Answer,
    unsure: Answer,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    /// `scopes` are all that a token needs.
    pub(super) fn new(audience: &str, scopes: &[Arc<str>], errors: Errors) -> Self {
        let realm: String = audience.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
        let bearer = format!("Bearer realm=\"{realm}\"");
        let scopes = scopes.join(" ");
        let unauthorized = StatusCode::UNAUTHORIZED;
        Self {
            missing: Answer::new(unauthorized, "unauthorized", "a bearer token is needed", errors)
                .with(header::WWW_AUTHENTICATE, &bearer),
            invalid: Answer::new(unauthorized, "invalid_token", "the token is not accepted", errors)
                .with(header::WWW_AUTHENTICATE, &format!("{bearer}, error=\"invalid_token\"")),
            insufficient_scope: Answer::new(
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                "the token is not for this",
                errors,
            )
            .with(
                header::WWW_AUTHENTICATE,
                &format!("{bearer}, error=\"insufficient_scope\", scope=\"{scopes}\""),
            ),
            unsure: Answer::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "whether the token is accepted is not known right now",
                errors,
            ),
        }
    }

    pub(super) fn to(&self, denial: Denial) -> Response<Bytes> {
        match denial {
            Denial::Credential(CredentialError::Missing) => &self.missing,
            Denial::Credential(_) | Denial::Refused(_) => &self.invalid,
            Denial::InsufficientScope => &self.insufficient_scope,
            Denial::Unsure => &self.unsure,
        }
        .response()
    }
}

impl Answer {
    /// Neither text needs to be escaped.
    fn new(status: StatusCode, error: &str, description: &str, errors: Errors) -> Self {
        let body = match errors {
            Errors::OAuth => format!(r#"{{"error":"{error}","error_description":"{description}"}}"#),
            Errors::JsonRpc => format!(
                r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{JSON_RPC_CODE},"message":"{description}","data":{{"error":"{error}"}}}}}}"#
            ),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        Self { status, headers, body: body.into() }
    }

    /// An audience that no header can hold makes a challenge without a realm's name.
    fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("Bearer"));
        self.headers.insert(name, value);
        self
    }

    fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

pin_project_lite::pin_project! {
    /// The body of an answer: the guarded service's, or the error of its guard, which ends when the rest of the request
    /// has been read.
    #[derive(Debug)]
    #[project = Projected]
    pub enum GuardedBody<R> {
        #[doc(hidden)]
        Inner { #[pin] body: R },
        #[doc(hidden)]
        Answer { body: Option<Bytes>, rest: Option<Rest> },
    }
}

impl<R: Body<Data = Bytes>> Body for GuardedBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project() {
            Projected::Inner { body } => body.poll_frame(context),
            Projected::Answer { body, rest } => {
                if let Some(body) = body.take() {
                    return Poll::Ready(Some(Ok(Frame::data(body))));
                }
                if let Some(reading) = rest {
                    ready!(reading.poll(context));
                    *rest = None;
                }
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Inner { body } => body.is_end_stream(),
            Self::Answer { body, rest } => body.is_none() && rest.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Inner { body } => body.size_hint(),
            Self::Answer { body, rest: None } => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            // A server that knew the length would be done with the request once that much was sent.
            Self::Answer { rest: Some(_), .. } => SizeHint::default(),
        }
    }
}
