//! What a certificate says: names, and its time.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// A client's certificate, once the handshake has shown that it is the client's and that `client_ca` signed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    names: Vec<String>,
}

impl Certificate {
    /// Of a verified leaf.
    pub(super) fn of(leaf: &CertificateDer<'_>) -> Result<Self, Error> {
        let leaf = EndEntityCert::try_from(leaf)?;
        // Hosts have no case (RFC 5280, section 7.2).
        let hosts = leaf.valid_dns_names().map(|name| format!("dns:{}", name.to_ascii_lowercase()));
        let names = hosts.chain(leaf.valid_uri_names().map(|uri| format!("uri:{uri}"))).collect();
        Ok(Self { names })
    }

    /// Its subject alternative names, as the config writes them: `dns:…`, `uri:…`. The subject itself is none
    /// (RFC 9525, section 2).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// From when until when a certificate is valid, in unix seconds. Whom it is from does not matter: asked about a time before
/// all, and one after all, the verifier names the bounds before it looks at anything else.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<(u64, u64)> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let at = |seconds| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None).err()
    };
    match (at(0)?, at(u64::MAX)?) {
        (Error::CertNotValidYet { not_before, .. }, Error::CertExpired { not_after, .. }) => {
            Some((not_before.as_secs(), not_after.as_secs()))
        }
        _ => None,
    }
}
