//! A browser's page on another origin, by the layers in the order that `docs/rust.md` has.

use axum::{
    Router,
    http::{HeaderName, Method, header},
    routing::any,
};
use crossfade_verify::{Verifier, tower::RequireToken};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::server::{AUDIENCE, Server, TOKEN, feed, good};

const ORIGIN: &str = "https://app.example.com";

/// A server that says so to one request of these lines.
async fn answer(verifier: &Verifier, lines: &str) -> String {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::exact(ORIGIN.parse().expect("an origin")))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, HeaderName::from_static("mcp-session-id")]);
    let routes = Router::new().route("/mcp", any(async || "let in"));
    let routes = routes.layer(RequireToken::new(verifier.clone())).layer(cors);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    let mut stream = TcpStream::connect(address).await.expect("the server");
    let request = format!("{lines}Host: localhost\r\nOrigin: {ORIGIN}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    task.abort();
    answer
}

#[tokio::test]
async fn a_browser_is_let_ask_first_and_shows_its_page_a_refusal() {
    let server = Server::start(good(&[TOKEN])).await;
    let verifier = Verifier::connect(feed(&server.url).0, AUDIENCE).await.expect("good settings");
    let allowed = format!("access-control-allow-origin: {ORIGIN}\r\n");
    let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n";
    let first = answer(&verifier, &format!("OPTIONS /mcp HTTP/1.1\r\n{asks}")).await;
    assert!(first.starts_with("HTTP/1.1 200 ") && first.contains(&allowed), "{first}");
    assert!(first.contains("access-control-allow-headers: authorization"), "{first}");
    let refused = answer(&verifier, "POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains(&allowed), "{refused}");
    assert!(refused.contains("access-control-expose-headers: www-authenticate"), "{refused}");
    let with = format!("POST /mcp HTTP/1.1\r\nContent-Length: 0\r\nAuthorization: Bearer {TOKEN}\r\n");
    let accepted = answer(&verifier, &with).await;
    assert!(accepted.starts_with("HTTP/1.1 200 ") && accepted.contains(&allowed), "{accepted}");
}
