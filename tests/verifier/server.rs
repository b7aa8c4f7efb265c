//! A server behind the layer, and a caller of it.

use std::{ops::AddAssign, path::Path};

use axum::{Extension, Router, routing::any};
use crossfade_verify::{Grant, Verifier, feed::Feed, tower::RequireToken};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::world::{AUDIENCE, VERIFIER};

pub(crate) fn feed(listen: u16, credential: &str) -> Feed {
    Feed::http(format!("http://127.0.0.1:{listen}"), credential)
}

pub(crate) async fn connect(listen: u16, instance: &str, cache: &Path) -> Verifier {
    let feed = feed(listen, VERIFIER).instance(instance).cache(cache).on_event(|_| {});
    Verifier::connect(feed, AUDIENCE).await.expect("good settings")
}

/// It ends with its test.
pub(crate) struct Server {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(verifier: Verifier) -> Self {
        let handler = async |Extension(grant): Extension<Grant>| grant.client_id().to_owned();
        let routes = Router::new().route("/mcp", any(handler));
        let routes = routes.layer(RequireToken::new(verifier).header("mcp-access-token"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { port, task }
    }
}

/// The status of a request with that token.
pub(crate) async fn ask(port: u16, token: Option<&str>) -> u16 {
    let header = token.map_or(String::new(), |token| format!("mcp-access-token: {token}\r\n"));
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n{header}\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// What bots were answered.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) unsure: u64,
    pub(crate) refused: u64,
    /// How many each of them has used, at most.
    pub(crate) versions: usize,
}

impl Counts {
    pub(crate) fn count(&mut self, status: u16) {
        match status {
            200 => self.accepted += 1,
            503 => self.unsure += 1,
            401 => self.refused += 1,
            other => panic!("an answer of {other}"),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.unsure += other.unsure;
        self.refused += other.refused;
        self.versions = self.versions.max(other.versions);
    }
}
