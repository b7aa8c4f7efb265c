//! A client over TLS.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};

use super::pki::{Authority, Issued};
use crate::process::Answer;

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Whom it trusts, and what it shows. It keeps its sessions.
pub(crate) struct Caller(Arc<ClientConfig>);

impl Caller {
    pub(crate) fn new(trusts: &Authority, shows: Option<&Issued>) -> Self {
        Self::speaking(&BOTH, &[], trusts, shows)
    }

    pub(crate) fn speaking(
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
        trusts: &Authority,
        shows: Option<&Issued>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusts.der()).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match shows {
            Some(own) => config.with_client_auth_cert(vec![own.der()], own.key()).expect("a certificate"),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    /// A connection whose handshake this end has done. With TLS 1.3 the other end may still refuse it.
    pub(crate) fn connect(&self, port: u16) -> io::Result<Connection> {
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut stream = StreamOwned::new(session, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection(stream))
    }

    /// A request on a connection of its own.
    pub(crate) fn call(&self, port: u16, request: &Request<'_>) -> io::Result<Answer> {
        self.connect(port)?.ask(request)
    }
}

/// A request without its length.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

pub(crate) fn get<'a>(path: &'a str, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request { method: "GET", path, headers, body: "" }
}

/// A connection that can be asked more than once.
pub(crate) struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> io::Result<Answer> {
        let Request { method, path, headers, body } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in *headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.0.write_all(text.as_bytes())?;
        let (mut answer, mut some) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut some)?;
            answer.extend_from_slice(&some[..read]);
            let so_far = Answer::of(&answer);
            let length = so_far.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if answer.windows(4).any(|end| end == b"\r\n\r\n") && so_far.body.len() >= length {
                return Ok(so_far);
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits for the other end's end, announced as TLS wants it.
    pub(crate) fn ended(&mut self) -> io::Result<()> {
        match self.0.read(&mut [0; 1])? {
            0 => Ok(()),
            _ => Err(io::Error::other("it says more")),
        }
    }

    /// The certificate that the other end has shown.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().expect("certificates")[0].clone()
    }

    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.0.conn.alpn_protocol()
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}
