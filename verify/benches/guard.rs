//! What `RequireToken` adds to a request, in CPU time of the server on a connection that is kept: a guarded axum route
//! beside a bare one, and beside one with a layer that does nothing, because axum boxes each layer. `cargo xtask bench
//! verdict` reads the output.
//!
//! One thread serves, so that its own CPU clock counts what it does and nothing else. Every round asks all three, one
//! after the other, so that a ratio compares neighbours in time; what is printed are medians over the rounds.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use axum::{
    Router,
    routing::{Route, post},
};
use crossfade_verify::{
    AcceptSet, Clock as _, Digest, Entry, Stage, SystemClock, Verifier, View, token::checksum,
    tower::RequireToken,
};
use rustix::time::{ClockId, clock_gettime};
use tower_layer::layer_fn;

const ROUNDS: usize = 400;
/// In a round, of each route.
const REQUESTS: u64 = 250;
const AUDIENCE: &str = "https://mcp.example.com/slack";

fn main() {
    let body = format!("mcp_{:043}", 1);
    let token = format!("{body}{}", str::from_utf8(&checksum(body.as_bytes())).expect("text"));
    let mut client = Client::connect(serve(verifier(&token)), &token);
    let [mut bare, mut guarded, mut over_bare, mut over_layer] = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let [without, layered, with] =
            ["/bare", "/layered", "/guarded"].map(|target| client.nanoseconds_each(target));
        bare.push(without);
        guarded.push(with);
        over_bare.push(with / without);
        over_layer.push(with / layered);
    }
    println!("bare_ns {:.0}", median(bare));
    println!("guarded_ns {:.0}", median(guarded));
    println!("guarded_over_bare {:.4}", median(over_bare));
    println!("guarded_over_layer {:.4}", median(over_layer));
}

/// Serves the three routes, and one that tells the server's CPU time, on a thread that ends with the process.
fn serve(verifier: Verifier) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let guard = RequireToken::new(verifier).header("mcp-access-token").require_scope("slack:search");
    let router = Router::new()
        .route("/guarded", post(answer).layer(guard))
        .route("/bare", post(answer))
        .route("/layered", post(answer).layer(layer_fn(|inner: Route| inner)))
        .route("/cpu", post(cpu));
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await
        })
    });
    address
}

async fn answer() -> &'static str {
    "an answer"
}

/// In nanoseconds, always of the same length.
async fn cpu() -> String {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    format!("{:020}", time.tv_sec * 1_000_000_000 + time.tv_nsec)
}

struct Client {
    stream: TcpStream,
    /// What follows the target in a request line.
    rest: String,
}

impl Client {
    fn connect(server: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let rest = format!(
            " HTTP/1.1\r\nHost: mcp.example.com\r\nAccept: application/json, text/event-stream\r\n\
             Content-Type: application/json\r\nUser-Agent: mcp-client\r\nAuthorization: Bearer {token}\r\n\
             Mcp-Session-Id: 0197f7a2-0000-7000-8000-000000000000\r\nMcp-Protocol-Version: 2025-11-25\r\n\
             Content-Length: 0\r\n\r\n"
        );
        Self { stream, rest }
    }

    /// The body of an answer, which comes in one piece.
    fn ask(&mut self, target: &str) -> String {
        let mut buffer = [0; 1024];
        self.stream.write_all(format!("POST {target}{}", self.rest).as_bytes()).expect("a server");
        let size = self.stream.read(&mut buffer).expect("an answer");
        let answer = str::from_utf8(&buffer[..size]).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        assert!(head.starts_with("HTTP/1.1 200"), "answered {answer}");
        body.to_owned()
    }

    /// The server's CPU time for one request.
    fn nanoseconds_each(&mut self, target: &str) -> f64 {
        let before = self.cpu();
        (0..REQUESTS).for_each(|_| assert_eq!(self.ask(target), "an answer"));
        (self.cpu() - before) as f64 / REQUESTS as f64
    }

    fn cpu(&mut self) -> u64 {
        self.ask("/cpu").parse().expect("a number")
    }
}

fn verifier(token: &str) -> Verifier {
    let entry = Entry {
        digest: Digest::of(token.as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: "0197f7a2-0000-7000-8000-000000000000".into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 0,
        grace_ms: 60_000,
        not_after_ms: None,
    };
    let set = AcceptSet::new(AUDIENCE, 60_000, 600_000, vec![entry]).expect("a good set");
    let verifier = Verifier::new(AUDIENCE);
    verifier.replace(View { set, now_ms: 1_000, age_ms: 0, taken: SystemClock.moment(), complete: true });
    verifier
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
