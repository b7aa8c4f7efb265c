//! AWS JSON 1.1: the operation in a header, an object in the body, errors with `__type`.
//!
//! A signature has to be there, for the access key in it; it is not checked.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};

use super::Lost;
use crate::{
    Answer, Fake,
    model::{Error, scramble},
};

const TARGET: &str = "secretsmanager.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

pub(super) async fn call(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    fake.respond(&headers, &body).map_or_else(
        || {
            let mut lost = Response::new(Body::empty());
            lost.extensions_mut().insert(Lost);
            lost
        },
        |response| response.map(Body::from),
    )
}

impl Fake {
    /// A call as it comes over the wire, for whoever has a wire of his own; none: nothing is answered, and the
    /// connection is to be closed.
    pub fn respond(&self, headers: &HeaderMap, body: &[u8]) -> Option<Response<Vec<u8>>> {
        let answer = match read(headers) {
            Ok((caller, operation)) => {
                let signed = headers.get("x-amz-date").and_then(|date| date.to_str().ok());
                self.call_named(Some(caller), signed, operation, body)
            }
            Err(error) => Answer::Error(error),
        };
        // The time of the reply, not of the call: between the two lies the fake's lock.
        let now_ms = self.now_ms();
        let (status, error, body) = match answer {
            Answer::Reply(reply) if reply.is_null() => (200, None, Vec::new()),
            Answer::Reply(reply) => (200, None, reply.to_string().into_bytes()),
            Answer::Error(error) => {
                let body = serde_json::json!({ "__type": error.code, "Message": error.message });
                (error.status, Some(error.code), body.to_string().into_bytes())
            }
            Answer::Lost => return None,
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::DATE, date(now_ms));
        headers.insert("x-amzn-requestid", text(&request_id(self.calls_made(), now_ms)));
        if let Some(code) = error {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
        }
        Some(response)
    }
}

/// The access key and the operation.
fn read(headers: &HeaderMap) -> Result<(&str, &str), Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let unsigned = || Error::caller("MissingAuthenticationTokenException", "Missing Authentication Token");
    let signature = text("authorization").filter(|signature| signature.starts_with("AWS4-"));
    let credential = signature.and_then(|signature| signature.split("Credential=").nth(1));
    let caller = credential.and_then(|credential| credential.split('/').next()).ok_or_else(unsigned)?;
    let unknown = || Error::caller("UnknownOperationException", "There is no such operation.");
    let json = text("content-type").is_some_and(|kind| kind.starts_with(CONTENT_TYPE));
    let target = text("x-amz-target").filter(|_| json);
    let operation = target.and_then(|target| target.strip_prefix(TARGET)).ok_or_else(unknown)?;
    Ok((caller, operation))
}

/// The fake's time, in whole seconds (the form allows no others, RFC 9110 section 5.6.7), truncated;
/// that AWS truncates too is unverified.
fn date(now_ms: u64) -> HeaderValue {
    text(&httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now_ms / 1000)))
}

fn request_id(nth: u64, now_ms: u64) -> String {
    let (high, low) = (scramble(nth), scramble(!now_ms));
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
