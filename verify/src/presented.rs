//! Where the token stands in a request.
//!
//! It works on the bytes of header values, so that each server's kind of headers will do.

/// Why a request bears no token to decide on. The caller is told none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialError {
    /// There is none.
    Missing,
    /// `Authorization` is not `Bearer` and one token (RFC 6750, section 2.1).
    WrongScheme,
    /// Two that differ, or two `Authorization` headers.
    Conflict,
}

impl CredentialError {
    /// Its name in metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::WrongScheme => "wrong_scheme",
            Self::Conflict => "conflict",
        }
    }
}

/// The one token of a request: in `Authorization`, or bare in one of the other headers that may hold it, or the
/// same one in several. `authorizations` are all values of the first, `others` all values of the latter.
///
/// # Errors
///
/// What is not plainly one token is none: see [`CredentialError`].
pub fn presented<'r>(
    authorizations: impl IntoIterator<Item = &'r [u8]>,
    others: impl IntoIterator<Item = &'r [u8]>,
) -> Result<&'r [u8], CredentialError> {
    let mut authorizations = authorizations.into_iter();
    let first = authorizations.next();
    if authorizations.next().is_some() {
        return Err(CredentialError::Conflict);
    }
    let first = first.map(|value| bearer(value).ok_or(CredentialError::WrongScheme)).transpose()?;
    let mut tokens = first.into_iter().chain(others);
    let token = tokens.next().ok_or(CredentialError::Missing)?;
    // Both came from the same caller: nothing can be learned from how long this takes.
    if tokens.all(|other| other == token) { Ok(token) } else { Err(CredentialError::Conflict) }
}

/// `Bearer`, one or more spaces, and a token that is not the word again.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let mut token = after_scheme(value)?;
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    (!token.is_empty() && after_scheme(token).is_none()).then_some(token)
}

fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    let separated = rest.first().is_none_or(|byte| *byte == b' ');
    (scheme.eq_ignore_ascii_case(b"bearer") && separated).then_some(rest)
}
