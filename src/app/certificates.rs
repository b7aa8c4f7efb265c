//! The certificates of `tls`, read from their files, and how long they last.

use std::{io::Read as _, path::Path, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    config::TlsConfig,
    http::tls::{Material, Part, Pem, Tls, Unusable},
    ownership::{self, Limits},
};

/// The most that one of the files may hold.
const BYTES: u64 = 1 << 20;
/// How long before its end a certificate is warned about; a third of its life, where that is less.
const WARNING: u64 = 14 * 24 * 3600;
/// How often that is checked.
const CHECK_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Reads the files and checks them together; the error holds everything that is wrong with them.
pub fn load(tls: &TlsConfig, clock: &Arc<dyn Clock>) -> Result<Material> {
    let cert = read(&tls.cert, ownership::UNCHANGED);
    let key = read(&tls.key, ownership::SHARED_SECRET).map(Zeroizing::new);
    let client_ca = tls.client_ca.as_deref().map(|path| read(path, ownership::UNCHANGED)).transpose();
    let wrong = match (cert, key, client_ca) {
        (Ok(cert), Ok(key), Ok(client_ca)) => {
            match Material::new(&Pem { cert, key, client_ca }, Arc::clone(clock)) {
                Ok(material) => return Ok(material),
                Err(wrong) => wrong,
            }
        }
        (cert, key, client_ca) => {
            let wrong = [(Part::Cert, cert.err()), (Part::Key, key.err()), (Part::ClientCa, client_ca.err())];
            wrong.into_iter().filter_map(|(part, why)| Some(Unusable { part, why: why? })).collect()
        }
    };
    let told: Vec<String> = wrong.iter().map(|wrong| tell(tls, wrong)).collect();
    bail!(told.join("; "))
}

fn tell(tls: &TlsConfig, Unusable { part, why }: &Unusable) -> String {
    let (key, path) = match part {
        Part::Cert => ("tls.cert", Some(&tls.cert)),
        Part::Key => ("tls.key", Some(&tls.key)),
        Part::ClientCa => ("tls.client_ca", tls.client_ca.as_ref()),
    };
    format!("`{key}` ({}): {why}", path.map(|path| path.display().to_string()).unwrap_or_default())
}

fn read(path: &Path, limits: Limits) -> Result<Vec<u8>, String> {
    let file = ownership::open(path).map_err(|error| format!("it can't be opened: {error}"))?;
    let meta = file.metadata().map_err(|error| format!("it can't be looked at: {error}"))?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    if let Some(why) = ownership::concern(&meta, limits) {
        return Err(why);
    }
    // At once as large as need be: what grows leaves copies behind.
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(BYTES) + 1).unwrap_or_default());
    let read = file.take(BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("it can't be read: {error}"))?;
    if bytes.len() as u64 > BYTES { Err("it is larger than 1 MiB".to_owned()) } else { Ok(bytes) }
}

/// Says when the certificate is about to end, now and then, until the daemon stops.
pub(super) async fn watch(tls: Arc<Tls>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        warn(&tls, &*clock);
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(CHECK_EVERY) => {}
        }
    }
}

/// Whether a certificate is valid now, and for how much longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Validity {
    /// For long enough.
    Valid,
    /// Not for much longer, or not yet.
    EndsSoon(String),
    /// No more.
    Expired(String),
}

/// Whether the certificate of `listen` is valid now, and for how much longer.
pub fn validity(material: &Material, clock: &dyn Clock) -> Validity {
    material.validity().map_or(Validity::Valid, |span| concern(span, clock.moment().wall_ms / 1000))
}

/// Puts certificates in force, where they are others.
pub(super) fn replace(tls: &Tls, material: Material, clock: &dyn Clock) {
    if tls.replace(material) {
        tracing::info!("the certificates of `listen` were read again, and are others from now on");
        warn(tls, clock);
    }
}

/// Says so where the certificate is about to end, or is not valid at all.
fn warn(tls: &Tls, clock: &dyn Clock) {
    let Some(validity) = tls.validity() else { return };
    if let Validity::EndsSoon(what) | Validity::Expired(what) =
        concern(validity, clock.moment().wall_ms / 1000)
    {
        tracing::warn!("{what}: put a new one into `tls.cert` and `tls.key`, and send SIGHUP");
    }
}

fn concern((from, until): (u64, u64), now: u64) -> Validity {
    let early = WARNING.min(until.saturating_sub(from) / 3);
    if now < from {
        Validity::EndsSoon("the certificate of `listen` is not valid yet".to_owned())
    } else if now > until {
        Validity::Expired("the certificate of `listen` has expired, and clients refuse it".to_owned())
    } else if now >= until.saturating_sub(early) {
        let hours = (until - now) / 3600;
        Validity::EndsSoon(format!(
            "the certificate of `listen` expires in {} d {} h",
            hours / 24,
            hours % 24
        ))
    } else {
        Validity::Valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_about_14_days_before_its_end_or_in_the_last_third_of_its_life() {
        const DAY: u64 = 24 * 3600;
        for (what, validity, now, says) in [
            ("of a quarter", (0, 90 * DAY), 76 * DAY - 1, None),
            ("of a quarter, 14 days before", (0, 90 * DAY), 76 * DAY, Some("in 14 d 0 h")),
            ("of a day", (0, DAY), 16 * 3600 - 1, None),
            ("of a day, 8 hours before", (0, DAY), 16 * 3600, Some("in 0 d 8 h")),
            ("at its end", (0, DAY), DAY, Some("in 0 d 0 h")),
            ("after it", (0, DAY), DAY + 1, Some("has expired")),
            ("before its time", (DAY, 90 * DAY), DAY - 1, Some("not valid yet")),
        ] {
            let said = match concern(validity, now) {
                Validity::Valid => None,
                Validity::EndsSoon(said) | Validity::Expired(said) => Some(said),
            };
            assert_eq!(said.is_some(), says.is_some(), "{what}: {said:?}");
            assert!(said.unwrap_or_default().contains(says.unwrap_or_default()), "{what}");
        }
    }
}
