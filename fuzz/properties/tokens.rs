//! Input: a presented string.

use crossfade_verify::token::{Shape, checksum, shape};

/// What can be said of it is what the documents say, read once more in another way.
pub(crate) fn hold(presented: &[u8]) {
    let told = shape(presented);
    let visible = presented.iter().all(u8::is_ascii_graphic);
    let ours = ours(presented);
    let expected = match (16..=512).contains(&presented.len()) && visible {
        false => Shape::Malformed,
        true => match ours {
            None => Shape::Foreign,
            Some((body, check)) if checksum(body) == check => Shape::Ours,
            Some(_) => Shape::Malformed,
        },
    };
    assert_eq!(told, expected);
    if told == Shape::Ours {
        assert_ne!(shape(&presented[1..]), Shape::Ours, "one that was cut in front");
        assert_ne!(shape(&presented[..presented.len() - 1]), Shape::Ours, "one that was cut at its end");
        let mut mistyped = presented.to_vec();
        let last = presented.len() - 1;
        mistyped[last] = if mistyped[last] == b'0' { b'1' } else { b'0' };
        assert_eq!(shape(&mistyped), Shape::Malformed, "one that was mistyped");
    } else if let Some((body, _)) = ours {
        let mended = [body, &checksum(body)].concat();
        assert_eq!(shape(&mended), Shape::Ours, "with its right checksum");
    }
}

/// Its length says how long the prefix is: all else has a fixed one.
fn ours(presented: &[u8]) -> Option<(&[u8], [u8; 6])> {
    let prefix = presented.len().checked_sub(50).filter(|prefix| (1..=5).contains(prefix))?;
    let (body, check) = presented.split_at(presented.len() - 6);
    let random = &body[prefix + 1..];
    let fits = body[0].is_ascii_lowercase()
        && body[..prefix].iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'))
        && body[prefix] == b'_'
        && random.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
        && check.iter().all(u8::is_ascii_alphanumeric);
    Some((body, check.try_into().ok()?)).filter(|_| fits)
}
