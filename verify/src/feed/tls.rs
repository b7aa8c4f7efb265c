//! TLS to the daemon. There is deliberately no way to turn the check of its certificate off.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ConnectError, machine::Stream};

/// What the caller has asked for.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// PEM; none: the system's.
    pub(super) roots: Option<Vec<u8>>,
    /// A chain and its key, both PEM.
    pub(super) client: Option<(Vec<u8>, Vec<u8>)>,
}

pub(crate) struct Connector(TlsConnector);

impl Options {
    pub(super) fn build(&self) -> Result<Connector, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(wrong)?.with_root_certificates(self.roots()?);
        let mut config = match &self.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let key =
                    PrivateKeyDer::from_pem_slice(key).map_err(|error| named("the client's key", &error))?;
                config.with_client_auth_cert(certificates(chain)?, key).map_err(wrong)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Connector(TlsConnector::from(Arc::new(config))))
    }

    fn roots(&self) -> Result<RootCertStore, ConnectError> {
        let mut store = RootCertStore::empty();
        let certificates = match &self.roots {
            Some(pem) => certificates(pem)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        // Of the system's, some may be of a form that nobody uses any more.
        store.add_parsable_certificates(certificates);
        if store.is_empty() {
            return Err(ConnectError::Tls("there is no root certificate to trust".to_owned()));
        }
        Ok(store)
    }
}

impl Connector {
    pub(super) async fn connect<S: Stream>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.map_err(|error| named("a certificate", &error))
}

fn named(what: &str, error: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::Tls(format!("{what} can't be read: {error}"))
}

fn wrong(error: rustls::Error) -> ConnectError {
    ConnectError::Tls(error.to_string())
}
