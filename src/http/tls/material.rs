//! Certificates and a key, as files hold them, made into what handshakes rest on: all of it, or nothing.

use std::{fmt, sync::Arc, time::Duration};

use crossfade_verify::Digest;
use rustls::{
    CertificateError, Error, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{Error as PemError, PemObject as _},
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use zeroize::Zeroizing;

use super::certificate::{self, Certificate};
use crate::clock::Clock;

/// What the files hold.
pub struct Pem {
    /// The listener's certificate, then the intermediate ones.
    pub cert: Vec<u8>,
    /// Its private key.
    pub key: Zeroizing<Vec<u8>>,
    /// Who signs clients' certificates.
    pub client_ca: Option<Vec<u8>>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem")
    }
}

/// Which of the files.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// The listener's certificate.
    Cert,
    /// Its key.
    Key,
    /// Who signs clients' certificates.
    ClientCa,
}

/// A file that can't be used, why, and what would be right. Nothing of what it holds is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unusable {
    /// Which.
    pub part: Part,
    /// Why.
    pub why: String,
}

/// What handshakes rest on.
pub struct Material {
    config: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    clock: Arc<dyn Clock>,
    content: [Digest; 2],
    trust: Option<Digest>,
    validity: Option<(u64, u64)>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("validity", &self.validity).finish_non_exhaustive()
    }
}

impl Material {
    /// Checks everything that can be known without a handshake.
    pub fn new(pem: &Pem, clock: Arc<dyn Clock>) -> Result<Self, Vec<Unusable>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(Part::Cert, &pem.cert);
        let key = private_key(&pem.key);
        let clients = pem.client_ca.as_deref().map(|pem| verifier(pem, &provider)).transpose();
        let (chain, key, clients) = match (chain, key, clients) {
            (Ok(chain), Ok(key), Ok(clients)) => (chain, key, clients),
            (chain, key, clients) => {
                return Err([chain.err(), key.err(), clients.err()].into_iter().flatten().collect());
            }
        };
        let validity = chain.first().and_then(certificate::validity);
        let config = server_config(provider, chain, key, clients.clone(), Arc::clone(&clock));
        let config = Arc::new(config.map_err(|error| vec![of_the_pair(&error)])?);
        let content = [&pem.cert, &*pem.key].map(|bytes| Digest::of(bytes));
        let trust = pem.client_ca.as_deref().map(Digest::of);
        Ok(Self { config, clients, clock, content, trust, validity })
    }

    pub(super) const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// From when until when the listener's certificate is valid, in unix seconds.
    pub const fn validity(&self) -> Option<(u64, u64)> {
        self.validity
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.content == other.content && self.trusts_the_same_as(other)
    }

    pub(super) fn trusts_the_same_as(&self, other: &Self) -> bool {
        self.trust == other.trust
    }

    /// The client's certificate after a handshake; none: nobody was asked for one. A resumed session bears the
    /// certificate of the one that it resumes, which may have expired since, so that is verified anew.
    pub(super) fn judge(&self, session: &ServerConnection) -> Result<Option<Certificate>, Error> {
        let Some(clients) = &self.clients else { return Ok(None) };
        let shown = session.peer_certificates().unwrap_or_default();
        let (leaf, intermediates) = shown.split_first().ok_or(Error::NoCertificatesPresented)?;
        if session.handshake_kind() == Some(HandshakeKind::Resumed) {
            clients.verify_client_cert(leaf, intermediates, now(&*self.clock))?;
        }
        let malformed = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        Certificate::of(leaf).map(Some).map_err(malformed)
    }
}

fn server_config(
    provider: Arc<CryptoProvider>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    clock: Arc<dyn Clock>,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_details(provider, Arc::new(WallClock(clock)));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let clients = clients.unwrap_or_else(WebPkiClientVerifier::no_client_auth);
    let mut config = builder.with_client_cert_verifier(clients).with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A session lives in its client's ticket alone: nothing is kept here for those who don't come back.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn certificates(part: Part, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if found.is_empty() => Err(unusable(
            part,
            "there is no certificate in it: it has to be PEM, `-----BEGIN CERTIFICATE-----`",
        )),
        Ok(found) => Ok(found),
        Err(_) => Err(unusable(part, "it is no whole PEM file: was it cut off? Write it anew")),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Unusable> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let why = match error {
            PemError::NoItemsFound => {
                "there is no private key in it that can be read: it has to be PEM, `-----BEGIN PRIVATE KEY-----`, and not \
                 encrypted"
            }
            _ => "it is no whole PEM file: was it cut off? Write it anew",
        };
        unusable(Part::Key, why)
    })
}

fn verifier(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Unusable> {
    let mut roots = RootCertStore::empty();
    for (n, certificate) in certificates(Part::ClientCa, pem)?.into_iter().enumerate() {
        let added = roots.add(certificate);
        added.map_err(|error| {
            unusable(Part::ClientCa, format!("certificate {} can't be read: {error}", n + 1))
        })?;
    }
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    built.map_err(|error| unusable(Part::ClientCa, error.to_string()))
}

/// Why a certificate and a key, each whole, can't be used together.
fn of_the_pair(error: &Error) -> Unusable {
    match error {
        Error::InconsistentKeys(_) => unusable(
            Part::Key,
            "it is not the key of the certificate in `tls.cert`: put both from the same issue in place",
        ),
        Error::InvalidCertificate(why) => {
            unusable(Part::Cert, format!("its first certificate can't be read: {why:?}"))
        }
        other => unusable(Part::Key, format!("it can't be used: {other}. Make an ECDSA P-256 or an RSA key")),
    }
}

fn unusable(part: Part, why: impl Into<String>) -> Unusable {
    Unusable { part, why: why.into() }
}

/// Certificates are valid by the wall clock.
#[derive(Debug)]
struct WallClock(Arc<dyn Clock>);

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(now(&*self.0))
    }
}

fn now(clock: &dyn Clock) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(clock.moment().wall_ms))
}
