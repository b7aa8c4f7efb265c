//! The file as a whole.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    Config, StoreConfig, clients,
    mistakes::{Mistake, Place},
    secrets::{self, Shared},
    section::{At, Reading, Section},
    store, text, tls, tree,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn config(
    text: &str,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Mistake>> {
    let tree = tree::parse(text).map_err(|mistake| vec![mistake])?;
    let reading = Reading::new(env);
    let config = Section::new(&reading, &tree, "").and_then(|top| top_level(top, text, folder));
    match config {
        Some(config) if !reading.has_mistakes() => Ok(config),
        _ => Err(reading.into_mistakes()),
    }
}

/// Of a file that may be wrong elsewhere.
pub(super) fn metrics_listen(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<SocketAddr, Vec<Mistake>> {
    let tree = tree::parse(text).map_err(|mistake| vec![mistake])?;
    let reading = Reading::new(env);
    let address = Section::new(&reading, &tree, "").and_then(|top| metrics_listener(&top, true));
    match address {
        Some(address) if !reading.has_mistakes() => Ok(address),
        _ => Err(reading.into_mistakes()),
    }
}

fn metrics_listener(top: &Section<'_>, allow_plaintext: bool) -> Option<SocketAddr> {
    listener(top, "metrics_listen", "127.0.0.1:8751", allow_plaintext)
}

fn top_level(top: Section<'_>, text: &str, folder: &Path) -> Option<Config> {
    let relative = |path: PathBuf| within(folder, &path);
    let default = |at: Option<At<Duration>>, value| at.unwrap_or(At { place: Place::default(), value });

    let allow_plaintext = top.get("allow_plaintext", text::truth).is_some_and(|at| at.value);
    let tls_node = top.node("tls").is_some();
    let tls = tls::parse(&top, folder);
    let listen = listener(&top, "listen", "127.0.0.1:8750", allow_plaintext || tls_node)?;
    let metrics_listen = metrics_listener(&top, allow_plaintext)?;
    let admin_socket = top.get("admin_socket", text::path).map(|at| at.value);
    let audit_log = top.get("audit_log", text::path).map(|at| at.value);
    if top.get("admin_http", text::truth).is_some_and(|at| at.value) {
        top.later(&["admin_http"]);
    }

    let freshness = default(top.get("freshness", text::duration), 60 * SECOND);
    if !(SECOND..=HOUR).contains(&freshness.value) {
        top.reading.mistake(
            freshness.place,
            format!("`freshness` ({:?}) has to lie between 1s and 1h", freshness.value),
        );
    }
    let hold = default(top.get("hold", text::duration), 24 * HOUR);
    if !(freshness.value..=7 * 24 * HOUR).contains(&hold.value) {
        let (hold, freshness) = (hold.value, freshness.value);
        top.reading.mistake(
            default(top.get("hold", text::duration), hold).place,
            format!("`hold` ({hold:?}) has to lie between freshness ({freshness:?}) and 7 days"),
        );
    }
    let sync = default(top.get("sync", text::duration), (freshness.value / 3).min(20 * SECOND));
    if sync.value > freshness.value / 3 || sync.value.is_zero() {
        top.reading.mistake(
            sync.place,
            format!(
                "`sync` ({:?}) has to be at most a third of freshness ({:?} / 3 = {:?}), and not zero",
                sync.value,
                freshness.value,
                freshness.value / 3
            ),
        );
    }
    let (store, traits) = store::parse(&top, folder, hold.value)?;
    let shared = Shared {
        freshness: freshness.value,
        hold: hold.value,
        sync: sync.value,
        store: traits,
        is_aws: matches!(store, StoreConfig::Aws(_)),
        region: match &store {
            StoreConfig::Aws(options) => options.region.clone(),
            StoreConfig::Embedded { .. } => None,
        },
    };
    let secrets = secrets::parse(&top, &shared);
    let clients = clients::parse(&top, &secrets, shared.is_aws, tls.as_ref());
    top.finish();
    let hash: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(Config {
        listen,
        tls,
        allow_plaintext,
        metrics_listen,
        admin_socket: relative(admin_socket.unwrap_or_else(|| "data/crossfade.sock".into())),
        store,
        sync: sync.value,
        freshness: freshness.value,
        hold: hold.value,
        audit_log: match audit_log {
            Some(path) if path == Path::new("stderr") => None,
            path => Some(relative(path.unwrap_or_else(|| "data/audit.jsonl".into()))),
        },
        secrets,
        clients,
        hash,
    })
}

fn listener(
    top: &Section<'_>,
    key: &'static str,
    default: &str,
    allow_plaintext: bool,
) -> Option<SocketAddr> {
    let Some(at) = top.get(key, text::address) else { return text::address(default).ok() };
    if !at.value.ip().is_loopback() && !allow_plaintext {
        top.reading.mistake(at.place, format!(
            "`{key}` is not on loopback: credentials would cross the network in clear. Listen on 127.0.0.1{}, or set \
             `allow_plaintext: true` where something in front of it encrypts",
            if key == "listen" { ", give it a certificate with `tls`" } else { "" }));
    }
    Some(at.value)
}

/// The path as seen from the config's folder, without `./` in between.
pub(super) fn within(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}
