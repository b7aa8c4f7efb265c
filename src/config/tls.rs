//! `tls`.

use std::path::Path;

use super::{
    checked::TlsConfig,
    section::Section,
    text::{self, within},
    tree::Value,
};

pub(super) fn parse(top: &Section<'_>, folder: &Path) -> Option<TlsConfig> {
    let section = Section::new(top.reading, top.node("tls")?, "tls")?;
    let [cert, key] = ["cert", "key"].map(|key| section.need(key, text::path));
    let client_ca = section.get("client_ca", text::path);
    section.finish();
    Some(TlsConfig {
        cert: within(folder, &cert?.value),
        key: within(folder, &key?.value),
        client_ca: client_ca.map(|at| within(folder, &at.value)),
    })
}

/// Whether the file says who signs clients' certificates, be the rest of it sound or not.
pub(super) fn asks_for_certificates(top: &Section<'_>) -> bool {
    match top.node("tls").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().any(|(key, _)| key.name == "client_ca"),
        other => other.is_some(),
    }
}
