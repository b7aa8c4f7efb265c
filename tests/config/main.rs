//! What a config may say, and what is said about one that is wrong.

mod aws;
mod example;
mod mistakes;
mod once;
mod published;
mod scalars;
mod warnings;

use std::path::Path;

use crossfade::config::{Config, Mistake};

/// The smallest config.
pub(crate) const LEAST: &str = "store: {kind: embedded}\n";

/// HTTPS on `listen`.
pub(crate) const TLS: &str = "tls: {cert: ./tls/cert.pem, key: ./tls/key.pem}\n";
/// And certificates of clients.
pub(crate) const MTLS: &str = "tls: {cert: ./tls/cert.pem, key: ./tls/key.pem, client_ca: ca.pem}\n";

pub(crate) fn parse(text: &str) -> Result<Config, Vec<Mistake>> {
    let env = |name: &str| match name {
        "AUDIENCE" => Some("https://mcp.example.com/from-the-environment".to_owned()),
        "SECRET_VALUE" => Some("what-nobody-may-see".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    Config::parse(text, Path::new("/etc/crossfade"), &env)
}

/// A secret with these lines more.
pub(crate) fn with_secret(lines: &str) -> String {
    on(LEAST, lines)
}

/// On that store.
pub(crate) fn on(store: &str, lines: &str) -> String {
    format!(
        "{store}secrets:\n  - name: s\n    client_id: bot\n    audience: https://mcp.example.com\n{}",
        lines.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}
