//! The golden requests, as bytes, to a real server behind `RequireToken`.

#![expect(clippy::disallowed_methods, reason = "a test's server ends with the test")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use crossfade_verify::{
    AcceptSet, Grant, Moment, Source, Verifier, View,
    tower::{GuardedBody, RequireToken},
};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower_layer::Layer as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    audience: String,
    header: String,
    scope: String,
    now_ms: u64,
    set: String,
    tokens: serde_json::Map<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    view: String,
    head: Vec<String>,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: u16,
    reason: String,
    version: Option<String>,
    www_authenticate: Option<String>,
    retry_after: bool,
    error: Option<String>,
    passes: Vec<String>,
}

fn vectors() -> Requests {
    serde_json::from_str(include_str!("../vectors/requests.json")).expect("of the documented form")
}

/// Where time stands still.
const AT: Moment = Moment { boot_ms: 100_000_000, wall_ms: 1_800_000_000_000 };

fn verifier(requests: &Requests, view: &str) -> Verifier {
    let verifier = Verifier::with_clock(&*requests.audience, Arc::new(AT));
    let set = AcceptSet::parse(requests.set.as_bytes(), &requests.audience).expect("a good set");
    let age_ms = match view {
        "fresh" => 0,
        "stale" => set.freshness_ms(),
        _ => return verifier,
    };
    verifier.replace(View { set, now_ms: requests.now_ms, age_ms, taken: AT, complete: true });
    verifier
}

/// What the handler saw of the request: its headers, and whom it was told of.
type Seen = Arc<Mutex<Option<(Vec<String>, String, Grant)>>>;

/// A server that answers one request.
async fn server(layer: RequireToken, seen: Seen) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let handler = Handler(seen);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = TowerToHyperService::new(layer.layer(handler));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    });
    TcpStream::connect(address).await.expect("the server")
}

#[derive(Clone)]
struct Handler(Seen);

impl tower_service::Service<Request<Incoming>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let lines = request.headers().iter();
        let lines =
            lines.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        let grant = request.extensions().get::<Grant>().expect("a grant").clone();
        *self.0.lock().expect("a lock") = Some((lines.collect(), format!("{request:?}"), grant));
        std::future::ready(Ok(Response::new(Full::from("let in"))))
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

async fn ask(mut stream: TcpStream, head: &[String]) -> Answer {
    let text = head.iter().map(|line| format!("{line}\r\n")).collect::<String>() + "\r\n";
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect();
    stream.write_all(&bytes).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn layer(requests: &Requests, verifier: &Verifier) -> RequireToken {
    let header: &'static str =
        if requests.header == "mcp-access-token" { "mcp-access-token" } else { panic!() };
    RequireToken::new(verifier.clone()).header(header).require_scope(&requests.scope)
}

#[tokio::test]
async fn requests_are_answered_as_the_vectors_say() {
    let requests = vectors();
    assert!(requests.cases.len() >= 119, "cases are missing");
    for Case { name, view, head, expected } in &requests.cases {
        let verifier = verifier(&requests, view);
        let seen = Seen::default();
        let answer = ask(server(layer(&requests, &verifier), Arc::clone(&seen)).await, head).await;

        assert_eq!(answer.status, expected.status, "{name}: {}", answer.head);
        let challenges: Vec<&str> = expected.www_authenticate.as_deref().into_iter().collect();
        assert_eq!(answer.all("www-authenticate"), challenges, "{name}");
        let waits = answer.all("retry-after");
        assert_eq!(waits.len(), usize::from(expected.retry_after), "{name}");
        assert!(waits.iter().all(|seconds| seconds.parse::<u32>().is_ok()), "{name}");
        match &expected.error {
            Some(_) if head[0].starts_with("HEAD ") => assert_eq!(answer.body, "", "{name}"),
            Some(error) => {
                let body: Value = serde_json::from_str(&answer.body).expect("JSON");
                assert_eq!(body["error"], **error, "{name}");
                assert_eq!(answer.all("content-type"), ["application/json"], "{name}");
            }
            None => {}
        }

        let seen = seen.lock().expect("a lock").take();
        let version = seen.as_ref().map(|(.., grant)| match grant.source() {
            Source::Secret(secret) => secret.version().to_owned(),
            other => panic!("{other:?}"),
        });
        assert_eq!(version, expected.version, "{name}: only what is accepted reaches the handler");
        if let Some((lines, all, _)) = seen {
            for line in &expected.passes {
                assert!(lines.contains(line), "{name}: {line} is missing in {lines:?}");
            }
            let credential =
                |line: &&String| line.starts_with("authorization:") || line.starts_with("mcp-access-token:");
            assert_eq!(lines.iter().find(credential), None, "{name}");
            for token in requests.tokens.values().filter_map(|token| token["token"].as_str()) {
                assert!(!all.contains(token), "{name}: a token is left in {all}");
            }
        }
        assert_eq!(counted(&verifier), [&*expected.reason], "{name}");
    }
}

/// Without their bodies, which nobody has asked for yet.
#[tokio::test]
async fn whom_a_server_does_not_let_in_is_told_so_whichever_era_of_mcp_it_comes_from() {
    let requests = vectors();
    let mcp: Value = serde_json::from_str(include_str!("../vectors/mcp.json")).expect("JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    for request in list(&mcp["requests"]) {
        for caller in list(&mcp["callers"]) {
            for (view, key) in [("fresh", "fresh"), ("stale", "cut_off")] {
                let mut head = vec![format!("{} /mcp HTTP/1.1", text(&request["method"]))];
                head.extend(["Host: localhost", "Connection: close", "Content-Length: 0"].map(str::to_owned));
                head.extend(list(&request["headers"]).iter().chain(&list(&caller["headers"])).map(text));
                let verifier = verifier(&requests, view);
                let answer = ask(server(layer(&requests, &verifier), Seen::default()).await, &head).await;
                let expected = &mcp["answers"][text(&caller[key])];
                let what = format!("{} by {}, {view}", request["name"], caller["name"]);
                assert_eq!(answer.status, expected["status"], "{what}");
                let challenges: Vec<&str> = expected["www_authenticate"].as_str().into_iter().collect();
                assert_eq!(answer.all("www-authenticate"), challenges, "{what}");
                assert_eq!(
                    Value::from(!answer.all("retry-after").is_empty()),
                    expected["retry_after"],
                    "{what}"
                );
                let body: Value = serde_json::from_str(&answer.body).expect("JSON");
                assert_eq!(body["error"], expected["error"], "{what}");
            }
        }
    }
}

#[tokio::test]
async fn errors_of_json_rpc_change_the_body_alone() {
    let requests = vectors();
    let verifier = verifier(&requests, "fresh");
    let without_token: Vec<String> =
        ["POST /mcp HTTP/1.1", "Host: localhost", "Connection: close", "Content-Length: 0"]
            .map(str::to_owned)
            .into();
    let plain = ask(server(layer(&requests, &verifier), Seen::default()).await, &without_token).await;
    let changed = layer(&requests, &verifier).json_rpc_errors();
    let changed = ask(server(changed, Seen::default()).await, &without_token).await;
    assert_eq!(changed.status, plain.status);
    assert_eq!(changed.all("www-authenticate"), plain.all("www-authenticate"));
    let body: Value = serde_json::from_str(&changed.body).expect("JSON");
    let plain: Value = serde_json::from_str(&plain.body).expect("JSON");
    assert_eq!((&body["jsonrpc"], &body["id"]), (&"2.0".into(), &Value::Null));
    assert_eq!(body["error"]["code"], -32_001);
    assert_eq!(body["error"]["message"], plain["error_description"]);
    assert_eq!(body["error"]["data"]["error"], plain["error"]);
}

#[tokio::test]
async fn without_named_headers_and_scopes_only_the_token_in_authorization_counts() {
    let requests = vectors();
    let verifier = verifier(&requests, "fresh");
    let token = requests.tokens["without_scope"]["token"].as_str().expect("a token");
    for (header, status) in [("Authorization: Bearer ", 200), ("mcp-access-token: ", 401)] {
        let head = [
            "GET / HTTP/1.1".to_owned(),
            "Host: a".to_owned(),
            "Connection: close".to_owned(),
            format!("{header}{token}"),
        ];
        let answer = ask(server(RequireToken::new(verifier.clone()), Seen::default()).await, &head).await;
        assert_eq!(answer.status, status, "{header}");
    }
}

/// A body that was let through is the handler's own.
#[expect(dead_code, reason = "it only has to compile")]
fn the_body_of_an_answer_can_be_named(body: GuardedBody<Full<Bytes>>) -> impl hyper::body::Body {
    body
}

/// What the verifier has counted, by name; once each.
fn counted(verifier: &Verifier) -> Vec<&'static str> {
    let counts = verifier.counts().into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(verdict, count)| {
            assert_eq!(count, 1, "{verdict}");
            verdict
        })
        .collect()
}
