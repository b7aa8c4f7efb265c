//! Where the token stands in a request that a proxy asks about.

use axum::http::{HeaderMap, header};

/// Why a request bears no token to decide on. The caller is told none of it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Unfit {
    /// There is none.
    Missing,
    /// `Authorization` is not `Bearer` and one token (RFC 6750, section 2.1).
    WrongScheme,
    /// Two that differ, or two `Authorization` headers.
    Conflict,
}

impl Unfit {
    /// Its name in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::WrongScheme => "wrong_scheme",
            Self::Conflict => "conflict",
        }
    }
}

/// The one token of a request: in `Authorization`, or bare in one of these headers, or the same one in several.
pub(super) fn token<'r>(headers: &'r HeaderMap, more: &[String]) -> Result<&'r [u8], Unfit> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let first = authorizations.next();
    if authorizations.next().is_some() {
        return Err(Unfit::Conflict);
    }
    let first = first.map(|value| bearer(value.as_bytes()).ok_or(Unfit::WrongScheme)).transpose()?;
    let others = more.iter().flat_map(|name| headers.get_all(name)).map(|value| value.as_bytes());
    let mut tokens = first.into_iter().chain(others);
    let token = tokens.next().ok_or(Unfit::Missing)?;
    if tokens.all(|other| other == token) { Ok(token) } else { Err(Unfit::Conflict) }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let token = after_scheme(value)?.trim_ascii_start();
    (!token.is_empty() && after_scheme(token).is_none()).then_some(token)
}

fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    let separated = rest.first().is_none_or(|byte| *byte == b' ');
    (scheme.eq_ignore_ascii_case(b"bearer") && separated).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Unfit::{Conflict, Missing, WrongScheme};

    #[test]
    fn a_token_stands_in_authorization_or_in_a_named_header_and_is_one() {
        let named = ["mcp-access-token".to_owned()];
        for (what, headers, want) in [
            ("nowhere", vec![], Err(Missing)),
            ("in a header that is not named", vec![("x-token", "t")], Err(Missing)),
            ("in Authorization", vec![("authorization", "Bearer t")], Ok("t")),
            ("whatever the case and the spaces", vec![("authorization", "bEARER   t")], Ok("t")),
            ("in a named header", vec![("mcp-access-token", "t")], Ok("t")),
            ("the same in both", vec![("authorization", "Bearer t"), ("mcp-access-token", "t")], Ok("t")),
            ("the same twice", vec![("mcp-access-token", "t"), ("mcp-access-token", "t")], Ok("t")),
            (
                "two that differ",
                vec![("authorization", "Bearer t"), ("mcp-access-token", "u")],
                Err(Conflict),
            ),
            ("two in one header", vec![("mcp-access-token", "t"), ("mcp-access-token", "u")], Err(Conflict)),
            (
                "two Authorization",
                vec![("authorization", "Bearer t"), ("authorization", "Bearer t")],
                Err(Conflict),
            ),
            ("another scheme", vec![("authorization", "Basic t")], Err(WrongScheme)),
            (
                "it beside a good one",
                vec![("authorization", "Basic t"), ("mcp-access-token", "t")],
                Err(WrongScheme),
            ),
            ("no token", vec![("authorization", "Bearer")], Err(WrongScheme)),
            ("doubled", vec![("authorization", "Bearer Bearer t")], Err(WrongScheme)),
            ("doubled, and nothing", vec![("authorization", "Bearer bearer")], Err(WrongScheme)),
            ("a token that begins so", vec![("authorization", "Bearer bearer-t")], Ok("bearer-t")),
            ("no space", vec![("authorization", "Bearert")], Err(WrongScheme)),
            ("nothing", vec![("authorization", "")], Err(WrongScheme)),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value.parse().expect("a value"));
            }
            assert_eq!(token(&map, &named), want.map(str::as_bytes), "{what}");
        }
    }
}
