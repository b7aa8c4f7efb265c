//! A request that is refused while it is still being sent: its caller has to learn so.

use std::{process::Command, sync::Arc, time::Duration};

use axum::{Router, routing::any};
use crossfade_verify::{Verifier, tower::RequireToken};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    machine::TestMachine,
    server::{AUDIENCE, STRANGE, Server, TOKEN, feed, good, until},
};

/// A guarded server, and what it follows; both end with it.
struct Guarded {
    port: u16,
    machine: Arc<TestMachine>,
    task: JoinHandle<()>,
    _feed: Server,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Guarded {
    async fn start() -> Self {
        let (daemon, machine) = (Server::start(good(&[TOKEN])).await, Arc::new(TestMachine::ticking()));
        let feed = feed(&daemon.url).0.machine(machine.clone());
        let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
        let read = async |body: Bytes| body.len().to_string();
        let routes = Router::new().route("/mcp", any(read)).layer(RequireToken::new(verifier));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { port, machine, task, _feed: daemon }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("the server")
    }
}

fn head(more: &str) -> String {
    format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {STRANGE}\r\n{more}\r\n")
}

/// Each of these bodies is sent several times, as a buffer and as a stream, whose length is not told.
const FETCH: &str = "
const [url, token] = process.argv.slice(1);
for (let n = 0; n < 12; n++) {
  const body = Buffer.alloc(n % 2 ? 4 << 20 : 20 << 20);
  const sent = n % 3 ? { body } : { body: new Blob([body]).stream(), duplex: 'half' };
  try {
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, ...sent });
    await answer.text();
    console.log(answer.status);
  } catch (error) {
    console.log(`${error} ${error.cause?.code}`);
  }
}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_s_fetch_learns_that_a_large_request_was_refused() {
    let server = Guarded::start().await;
    let url = format!("http://127.0.0.1:{}/mcp", server.port);
    let fetch =
        move || Command::new("node").args(["--input-type=module", "-e", FETCH, &url, STRANGE]).output();
    let ran = tokio::task::spawn_blocking(fetch).await.expect("no panic").expect("Node.js is installed");
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert_eq!(said[0].lines().collect::<Vec<_>>(), ["401"; 12], "{}", said[1]);
}

#[tokio::test]
async fn whoever_reads_when_all_is_sent_reads_the_answer() {
    let server = Guarded::start().await;
    let body = vec![0; 8 << 20];
    for _ in 0..3 {
        let mut stream = server.connect().await;
        let head = head(&format!("Connection: close\r\nContent-Length: {}\r\n", body.len()));
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&body).await.expect("all of it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("invalid_token"), "{answer}");
    }
}

#[tokio::test]
async fn hyper_s_client_goes_on_with_the_same_connection() {
    let server = Guarded::start().await;
    let io = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("a handshake");
    tokio::spawn(connection);
    for _ in 0..3 {
        let request =
            Request::post("/mcp").header("host", "a").header("authorization", format!("Bearer {STRANGE}"));
        let request = request.body(Full::new(Bytes::from(vec![0; 4 << 20]))).expect("a request");
        sender.ready().await.expect("it is open");
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), 401);
        let body = answer.into_body().collect().await.expect("all of it").to_bytes();
        assert!(body.starts_with(b"{\"error\":\"invalid_token\""), "{body:?}");
    }
}

#[tokio::test]
async fn whoever_waits_for_a_word_before_it_sends_is_told_at_once() {
    let server = Guarded::start().await;
    let mut stream = server.connect().await;
    let head = head("Expect: 100-continue\r\nContent-Length: 4000000\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer, and its end");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn nobody_is_read_for_ever() {
    let server = Guarded::start().await;
    // One who sends without end.
    let mut stream = server.connect().await;
    stream.write_all(head("Content-Length: 1000000000\r\n").as_bytes()).await.expect("sent");
    let (chunk, mut sent) = (vec![0; 1 << 20], 0);
    while stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 100 << 20, "it is read on and on");
    }
    // And one who sends nothing.
    let before = server.machine.waits();
    let mut stream = server.connect().await;
    stream.write_all(head("Content-Length: 1000000000\r\n").as_bytes()).await.expect("sent");
    until("its time runs", || server.machine.waits() > before).await;
    let mut answer = Vec::new();
    loop {
        // The reporter waits for ten seconds, too.
        server.machine.tick();
        let read = stream.read_to_end(&mut answer);
        if tokio::time::timeout(Duration::from_millis(100), read).await.is_ok() {
            break;
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 401 "));
}

#[tokio::test]
async fn a_short_request_is_read_first_and_its_answer_says_how_long_it_is() {
    let server = Guarded::start().await;
    let mut stream = server.connect().await;
    stream.write_all(head("Connection: close\r\nContent-Length: 40000\r\n").as_bytes()).await.expect("sent");
    // Later than its head, as over a network.
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(&[b' '; 40_000]).await.expect("all of it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("\r\ncontent-length: "), "{answer}");
}
