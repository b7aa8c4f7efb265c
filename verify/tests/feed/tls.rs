//! HTTPS: who the daemon is has to be proven, and who asks can be.

use std::sync::Arc;

use crossfade_verify::{
    Verifier,
    feed::{ConnectError, Feed},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::server::{AUDIENCE, Server, TOKEN, Told, accepts, feed, good, has};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for that name, and its key: both PEM.
    fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.issuer).expect("signed").pem(), key.serialize_pem())
    }

    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add(der(&self.pem)).expect("a root");
        store
    }
}

fn der(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

/// TLS in front of a server: its URL.
async fn in_front_of(
    server: &Server,
    authority: &Authority,
    name: &str,
    clients: Option<&Authority>,
) -> String {
    let (chain, key) = authority.certify(name);
    let key = KeyPair::from_pem(&key).expect("a key").serialize_der();
    let provider = Arc::new(ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.expect("versions");
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients.store()), provider);
            config.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = config.with_single_cert(vec![der(&chain)], key).expect("a config");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let behind = server.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(behind).await.expect("the server");
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    format!("https://localhost:{port}")
}

async fn connect(feed: (Feed, Told), change: impl FnOnce(Feed) -> Feed) -> (Verifier, Told) {
    let verifier = Verifier::connect(change(feed.0), AUDIENCE).await.expect("good settings");
    (verifier, feed.1)
}

#[tokio::test]
async fn a_daemon_whose_certificate_is_trusted_is_followed_and_no_other() {
    let server = Server::start(good(&[TOKEN])).await;
    let (authority, other) = (Authority::new(), Authority::new());
    let url = in_front_of(&server, &authority, "localhost", None).await;
    let (verifier, _) = connect(feed(&url), |feed| feed.roots(authority.pem.clone())).await;
    assert!(accepts(&verifier, TOKEN));

    let (verifier, told) = connect(feed(&url), |feed| feed.roots(other.pem.clone())).await;
    assert!(!accepts(&verifier, TOKEN) && has(&told, "invalid peer certificate"), "{told:?}");

    let wrong = in_front_of(&server, &authority, "somebody-else", None).await;
    let (verifier, told) = connect(feed(&wrong), |feed| feed.roots(authority.pem.clone())).await;
    assert!(!accepts(&verifier, TOKEN) && has(&told, "not valid for name"), "{told:?}");
}

#[tokio::test]
async fn a_daemon_that_asks_for_a_certificate_gets_ours() {
    let server = Server::start(good(&[TOKEN])).await;
    let (authority, clients) = (Authority::new(), Authority::new());
    let url = in_front_of(&server, &authority, "localhost", Some(&clients)).await;
    let (chain, key) = clients.certify("slack-mcp-server");
    let with = |feed: Feed| feed.roots(authority.pem.clone()).client_certificate(chain, key);
    let (verifier, _) = connect(feed(&url), with).await;
    assert!(accepts(&verifier, TOKEN));
    let (verifier, _) = connect(feed(&url), |feed| feed.roots(authority.pem.clone())).await;
    assert!(!accepts(&verifier, TOKEN));
}

#[tokio::test]
async fn what_is_no_certificate_is_told_at_once() {
    let connect = async |feed: Feed| Verifier::connect(feed, AUDIENCE).await.map(drop);
    let feed = || Feed::http("https://localhost:1", "c");
    assert!(matches!(connect(feed().roots("nothing")).await, Err(ConnectError::Tls(_))));
    let root = Authority::new().pem;
    let bad = feed().roots(root).client_certificate("a", "b");
    assert!(matches!(connect(bad).await, Err(ConnectError::Tls(_))));
}
