//! Names that verifiers give: of their process, and of a request.

use axum::http::HeaderMap;

use super::error::ApiError;

/// The name of a verifier's process: 1 to 64 of `[A-Za-z0-9._-]`.
pub(super) fn instance(name: &[u8]) -> bool {
    (1..=64).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

pub(super) fn bad_instance(of: &str) -> ApiError {
    ApiError::invalid_request(format!("`{of}` has to be one name of 1 to 64 characters of A-Z a-z 0-9 . _ -"))
}

/// A header that holds such a name.
pub(super) fn in_header<'a>(headers: &'a HeaderMap, header: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| instance(text.as_bytes()) && values.next().is_none());
    text.map(Some).ok_or_else(|| bad_instance(header))
}
