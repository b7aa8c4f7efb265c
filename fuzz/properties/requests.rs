//! Input: a request's headers that may bear a token, one a line: `A` and the value of an `Authorization`, anything
//! else and the value of another one.

use crossfade_verify::{CredentialError, presented};

/// A token comes out only where one plainly stands, and it alone.
pub(crate) fn hold(input: &[u8]) {
    let (mut authorizations, mut others) = (Vec::new(), Vec::new());
    for line in input.split(|byte| *byte == b'\n') {
        match line {
            [b'A', value @ ..] => authorizations.push(value),
            [_, value @ ..] => others.push(value),
            [] => {}
        }
    }
    let read = |authorizations: &[&[u8]], others: &[&[u8]]| {
        presented(authorizations.iter().copied(), others.iter().copied()).map(<[u8]>::to_vec)
    };
    let told = read(&authorizations, &others);
    if let [first, ..] = authorizations[..] {
        let doubled = [&authorizations[..], &[first]].concat();
        assert_eq!(read(&doubled, &others), Err(CredentialError::Conflict), "two `Authorization`");
    }
    match &told {
        Ok(token) => {
            assert!(authorizations.len() <= 1, "one of two");
            assert!(others.iter().all(|other| other == token), "one of two that differ");
            if let [value] = authorizations[..] {
                let (scheme, rest) = value.split_at(6);
                assert!(scheme.eq_ignore_ascii_case(b"Bearer") && rest.starts_with(b" "), "another scheme");
                assert_eq!(without_spaces(rest), &token[..], "not the whole of it");
                assert!(!token.is_empty(), "nothing");
            }
            let conflicting = [&token[..], b"x"].concat();
            let more = [&others[..], &[&conflicting[..]]].concat();
            assert_eq!(read(&authorizations, &more), Err(CredentialError::Conflict), "beside another one");
            let same = [&others[..], &[&token[..]]].concat();
            assert_eq!(read(&authorizations, &same), told, "beside itself");
        }
        Err(CredentialError::Missing) => assert!(authorizations.is_empty() && others.is_empty()),
        Err(CredentialError::WrongScheme) => assert_eq!(authorizations.len(), 1),
        Err(CredentialError::Conflict) => assert!(authorizations.len() + others.len() > 1),
    }
}

fn without_spaces(value: &[u8]) -> &[u8] {
    let spaces = value.iter().take_while(|byte| **byte == b' ').count();
    &value[spaces..]
}
