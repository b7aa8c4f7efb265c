//! Thousands of verifiers lose their TLS connections in the same moment and come back: how long introspection takes
//! meanwhile.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{
    Figure,
    daemon::{Daemon, Terms, fresh_folder},
    fanout::{CLIENTS, EACH, SECRETS, credentials, descriptors, quantile},
    median, now, pause,
    probe::Probe,
    verifiers::{BACKOFF, Verifiers},
};

const SIZE: usize = CLIENTS * EACH;
const ROUNDS: usize = 5;
const CALM: Duration = Duration::from_secs(4);

pub(super) fn run(program: &Path) -> Result<Vec<Figure>> {
    descriptors(SIZE as u64 + 500)?;
    let (credentials, clients): (Vec<_>, Vec<_>) = credentials(program)?.into_iter().unzip();
    let folder = fresh_folder("reconnect")?;
    let tls = certificate(&folder)?;
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let terms = Terms {
        freshness: "60s",
        secrets: SECRETS,
        clients: &clients,
        tls: Some((&cert, &key)),
        ..Terms::default()
    };
    let daemon = Daemon::start_on(program, &folder, &terms)?;
    daemon.until_made(SECRETS)?;
    let token = daemon.ask(&["token", "mcp/bench-0000"])?;
    let probe = Probe::new(daemon.server.address, Arc::new(tls.clone()), token.trim());
    // Once for warmth.
    probe.during(|| Ok(()))?;
    pause(Duration::from_secs(10));
    let idle = daemon.server.resident_kib()?;
    let verifiers = Verifiers::start(daemon.server.address, &credentials, EACH, Some(&tls), true)?;
    verifiers.spread(now())?;
    let held = daemon.server.resident_kib()?.saturating_sub(idle) as f64 * 1.024 / SIZE as f64;

    let with_jitter = storms(&daemon, &verifiers, &probe, BACKOFF)?;
    let at_once = storms(&daemon, &verifiers, &probe, Duration::ZERO)?;
    Ok(vec![
        Figure::ratio("5,000 reconnect, introspect p99", with_jitter.ratio(), 3.0, with_jitter.told()),
        Figure::told("the same without jitter", at_once.ratio(), "×", at_once.told()),
        Figure::told("resident for each held over TLS", held, " KB", "before they reconnect".into()),
    ])
}

/// What the rounds have shown.
#[derive(Default)]
struct Storms {
    /// 99th percentiles, in ms.
    before: Vec<f64>,
    during: Vec<f64>,
    ratios: Vec<f64>,
    took: Vec<f64>,
    resumed: usize,
    failed: usize,
}

fn storms(daemon: &Daemon, verifiers: &Verifiers, probe: &Probe, at_most: Duration) -> Result<Storms> {
    let mut storms = Storms::default();
    for _ in 0..ROUNDS {
        let (mut before, ()) = probe.during(|| {
            pause(CALM);
            Ok(())
        })?;
        let (mut during, back) = probe.during(|| verifiers.reconnect(at_most))?;
        let (before, during) = (quantile(&mut before, 0.99), quantile(&mut during, 0.99));
        storms.before.push(before);
        storms.during.push(during);
        storms.ratios.push(during / before);
        storms.took.push(back.took.as_secs_f64());
        storms.resumed += back.resumed;
        storms.failed += back.failed;
        // All are served again.
        for order in ["rotate", "abort"] {
            verifiers.spread(daemon.order(storms.took.len() % SECRETS, order)?)?;
        }
    }
    Ok(storms)
}

impl Storms {
    fn ratio(&self) -> f64 {
        median(self.ratios.clone())
    }

    fn told(&self) -> String {
        let [before, during, took] = [&self.before, &self.during, &self.took].map(|of| median(of.clone()));
        let of = |n: usize| n as f64 / (ROUNDS * SIZE) as f64 * 100.0;
        format!(
            "{during:.2} ms against {before:.2} ms; all back in {took:.2} s, {:.0}% resumed, {:.0}% tried again",
            of(self.resumed),
            of(self.failed)
        )
    }
}

/// Writes the daemon's certificate and key, and trusts it.
fn certificate(folder: &Path) -> Result<ClientConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("cert.pem"), made.cert.pem())?;
    let key = folder.join("key.pem");
    fs::write(&key, made.signing_key.serialize_pem())?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).context("the certificate is no root")?;
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
