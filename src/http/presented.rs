//! Where the token stands in a request that a proxy asks about: by the same rules as in an embedded verifier.

use axum::http::{HeaderMap, HeaderValue, header};
pub(super) use crossfade_verify::CredentialError;
use crossfade_verify::presented;

/// The one token of a request: in `Authorization`, or bare in one of these headers, or the same one in several.
pub(super) fn token<'r>(headers: &'r HeaderMap, more: &[String]) -> Result<&'r [u8], CredentialError> {
    let authorizations = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let others = more.iter().flat_map(|name| headers.get_all(name)).map(HeaderValue::as_bytes);
    presented(authorizations, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialError::{Conflict, Missing, WrongScheme};

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
