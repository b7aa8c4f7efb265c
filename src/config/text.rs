//! The kinds of text that stand in a config.

use std::{
    net::SocketAddr,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use crossfade_verify::Digest;

type Parsed<T> = Result<T, String>;

pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| format!("{text:?} is no address and port; for instance 127.0.0.1:8750"))
}

/// In each of the words that YAML has for it (1.1, as most files are written).
pub(super) fn truth(text: &str) -> Parsed<bool> {
    match &*text.to_ascii_lowercase() {
        "true" | "yes" | "y" | "on" => Ok(true),
        "false" | "no" | "n" | "off" => Ok(false),
        _ => Err("it has to be `true` or `false`".to_owned()),
    }
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() { Err("a path can't be empty".to_owned()) } else { Ok(text.into()) }
}

/// The path as seen from the config's folder, without `./` in between.
pub(super) fn within(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

/// `75s`, `12h`, `1h 30m`.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let parsed = parsed.ok().and_then(|d| Duration::try_from(d).ok());
    parsed.ok_or_else(|| format!("{text:?} is no length of time; for instance 90s, 5m, 12h or 7d as 168h"))
}

/// The text, where it fits; else what would.
fn fitting(text: &str, fits: bool, why: impl Into<String>) -> Parsed<String> {
    if fits { Ok(text.to_owned()) } else { Err(why.into()) }
}

/// Text that may end in a header (RFC 9110, section 5.5, without its blanks).
pub(super) fn plain(text: &str) -> Parsed<String> {
    let fits = !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic());
    fitting(text, fits, "it has to be 1 to 256 visible ASCII characters, without blanks")
}

/// A secret's name, as Secrets Manager takes it.
pub(super) fn secret_name(text: &str) -> Parsed<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&b);
    let fits = !text.is_empty() && text.len() <= 512 && text.bytes().all(fits);
    fitting(text, fits, "a secret's name has 1 to 512 characters of A-Z a-z 0-9 / _ + = . @ - :")
}

/// An absolute URI (RFC 8707, section 2: without a fragment).
pub(super) fn audience(text: &str) -> Parsed<String> {
    let text = plain(text)?;
    let absolute = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
    });
    let fits = absolute && !text.contains(['#', '"', '\\']);
    fitting(&text, fits, format!("{text:?} is no absolute URI; for instance https://mcp.example.com/slack"))
}

/// A scope-token (RFC 6749, section 3.3).
pub(super) fn scope(text: &str) -> Parsed<String> {
    let text = plain(text)?;
    fitting(&text, !text.contains(['"', '\\']), "a scope has no \" and no \\")
}

pub(super) fn token_prefix(text: &str) -> Parsed<String> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let why =
        "it is one to five characters, [a-z][a-z0-9]{0,4}, and not `cfc`, which is for client credentials";
    fitting(text, first && rest && text.len() <= 5 && text != "cfc", why)
}

/// A field name (RFC 9110, section 5.6.2), in lower case.
pub(super) fn header(text: &str) -> Parsed<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let text = text.to_ascii_lowercase();
    if text.is_empty() || !text.bytes().all(fits) {
        return Err("it is no name of a header".to_owned());
    }
    if text == "authorization" || text.starts_with("crossfade-") {
        return Err(format!("`{text}` has a meaning of its own: name another header"));
    }
    Ok(text)
}

/// A name of a certificate (RFC 5280, section 4.2.1.6), to be found there as it is: `dns:` and a host's name in lower
/// case, or `uri:` and a URI.
pub(super) fn subject_alternative_name(text: &str) -> Parsed<String> {
    let host = |name: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        name.len() <= 253 && name.split('.').all(|label| !label.is_empty() && label.bytes().all(fits))
    };
    let uri = |uri: &str| uri.len() <= 2048 && uri.bytes().all(|b| b.is_ascii_graphic()) && uri.contains(':');
    match text.split_once(':') {
        Some(("dns", name)) if name.contains('*') => {
            Err("a certificate's name is matched as a whole: no *".to_owned())
        }
        Some(("dns", name)) if host(name) => Ok(text.to_owned()),
        Some(("uri", name)) if uri(name) => Ok(text.to_owned()),
        _ => Err(format!(
            "{text:?} is no name of a certificate: `dns:` and a host's name in lower case, or `uri:` and a URI"
        )),
    }
}

/// SHA-256 in lowercase hex.
pub(super) fn sha256(text: &str) -> Parsed<Digest> {
    const HINT: &str =
        "it is the SHA-256 of the credential, 64 lowercase hex digits: `crossfade credential` makes both";
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let byte = |n: usize| text.get(2 * n..2 * n + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = hex.then(|| (0..32).map(byte).collect()).flatten();
    let digest = bytes.and_then(|b| b.try_into().ok()).map(Digest::from_bytes).ok_or(HINT)?;
    if digest == Digest::of(b"") { Err(format!("this is the hash of nothing; {HINT}")) } else { Ok(digest) }
}
