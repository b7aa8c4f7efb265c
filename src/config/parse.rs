//! The file as a whole.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    checked::{Config, StoreConfig},
    clients,
    mistakes::Mistake,
    secrets::{self, Shared},
    section::{Environment, Reading, Section},
    store,
    text::{self, within},
    times, tls, tree,
};

impl Config {
    /// Checks a file's text; relative paths are relative to `folder`.
    pub fn parse(text: &str, folder: &Path, env: Environment<'_>) -> Result<Self, Vec<Mistake>> {
        let tree = tree::parse(text).map_err(|mistake| vec![mistake])?;
        Reading::of(&tree, env, |top| top_level(top, text, folder))
    }
}

pub(super) const ADMIN_SOCKET: &str = "data/crossfade.sock";
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8750);
const METRICS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8751);

pub(super) fn metrics_listener(top: &Section<'_>, allow_plaintext: bool) -> Option<SocketAddr> {
    listener(top, "metrics_listen", METRICS_LISTEN, allow_plaintext)
}

pub(super) fn admin_socket(top: &Section<'_>, folder: &Path) -> PathBuf {
    let named = top.get("admin_socket", text::path).map(|at| at.value);
    within(folder, &named.unwrap_or_else(|| ADMIN_SOCKET.into()))
}

fn top_level(top: Section<'_>, text: &str, folder: &Path) -> Option<Config> {
    let relative = |path: PathBuf| within(folder, &path);
    let allow_plaintext = top.get("allow_plaintext", text::truth).is_some_and(|at| at.value);
    let may_be_plain = allow_plaintext || !top.trusts(&["allow_plaintext"]);
    let tls = tls::parse(&top, folder);
    let listen = listener(&top, "listen", LISTEN, may_be_plain || top.has("tls"))?;
    let metrics_listen = metrics_listener(&top, may_be_plain)?;
    let admin_socket = admin_socket(&top, folder);
    let audit_log = top.get("audit_log", text::path).map(|at| at.value);
    if let Some(at) = top.get("admin_http", text::truth).filter(|at| at.value) {
        let what = "`admin_http` is not built yet in this version: take it out";
        top.reading.mistake(at.place, what);
    }

    let times = times::parse(&top);
    let store = store::parse(&top, folder, times.hold);
    let limits = store.config.limits();
    let shared = Shared {
        freshness: times.freshness,
        hold: times.hold,
        sync: times.sync,
        store: store.traits,
        limits: store.kind.then_some(limits),
        compared: times.compared && store.lag,
        region: match &store.config {
            StoreConfig::Aws(options) => options.region.clone(),
            StoreConfig::Embedded { .. } => None,
        },
    };
    let (secrets, written) = secrets::parse(&top, &shared);
    let known = clients::Known { secrets: &secrets, written: &written, limits };
    let listener = clients::Listener {
        asks_for_certificates: tls::asks_for_certificates(&top),
        on_loopback: listen.ip().is_loopback(),
    };
    let clients = clients::parse(&top, &known, &listener);
    let emptied = ["secrets", "clients"].into_iter().filter(|key| top.is_empty(key)).collect();
    top.finish();
    let hash: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(Config {
        listen,
        tls,
        allow_plaintext,
        metrics_listen,
        admin_socket,
        store: store.config,
        sync: times.sync,
        freshness: times.freshness,
        hold: times.hold,
        accept_within: times.accept_within,
        audit_log: match audit_log {
            Some(path) if path == Path::new("stderr") => None,
            path => Some(relative(path.unwrap_or_else(|| "data/audit.jsonl".into()))),
        },
        secrets,
        clients,
        emptied,
        hash,
    })
}

fn listener(
    top: &Section<'_>,
    key: &'static str,
    default: SocketAddr,
    allow_plaintext: bool,
) -> Option<SocketAddr> {
    let Some(at) = top.get(key, text::address) else { return Some(default) };
    if !at.value.ip().is_loopback() && !allow_plaintext {
        top.reading.mistake(at.place, format!(
            "`{key}` is not on loopback: credentials would cross the network in clear. Listen on 127.0.0.1{}, or set \
             `allow_plaintext: true` where something in front of it encrypts",
            if key == "listen" { ", give it a certificate with `tls`" } else { "" }));
    }
    Some(at.value)
}
