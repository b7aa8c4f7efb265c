//! Authorities and what they issue.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// One that signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// For these names: `dns:…`, `uri:…`.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.sign(names, |_| {})
    }

    /// Valid until then, in unix seconds.
    pub(crate) fn issue_until(&self, names: &[&str], until: u64) -> Issued {
        let until = date_time_ymd(1970, 1, 1) + Duration::from_secs(until);
        self.sign(names, |params| params.not_after = until)
    }

    fn sign(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::default();
        let name = |name: &&str| match name.split_once(':') {
            Some(("dns", host)) => SanType::DnsName(host.try_into().expect("a host")),
            Some(("uri", uri)) => SanType::URI(uri.try_into().expect("a URI")),
            _ => panic!("no name: {name}"),
        };
        params.subject_alt_names = names.iter().map(name).collect();
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Issued { certificate: params.signed_by(&key, &self.0).expect("a certificate"), key }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn write(&self, path: &Path) {
        replace(path, &self.0.pem(), 0o644);
    }
}

impl Issued {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// As `cert.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        replace(&folder.join("cert.pem"), &self.certificate.pem(), 0o644);
        replace(&folder.join("key.pem"), &self.key.serialize_pem(), 0o600);
    }
}

/// As a whole: a half-written file must never be read.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a write");
    fs::set_permissions(&new, fs::Permissions::from_mode(mode)).expect("a mode");
    fs::rename(new, path).expect("a rename");
}
