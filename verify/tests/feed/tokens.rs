//! A bot's way to its token.

use std::sync::Arc;

use crossfade_verify::{
    bot::{TokenError, TokenSource},
    feed::Feed,
};

use crate::{
    machine::TestMachine,
    server::{Asked, Reply, Server},
};

const SECRET: &str = "mcp/slack-bot-token";

/// Gives this version's token, good for a minute.
fn giving(version: &'static str) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |_| {
        let json = format!(
            r#"{{"token":"the-token-of-a-bot-{version}","version":"{version}","client_id":"c","audience":"a","refresh_after_ms":60000}}"#
        );
        Reply::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{json}", json.len()).into_bytes())
    }
}

fn source(urls: &str) -> (TokenSource, Arc<TestMachine>) {
    let machine = Arc::new(TestMachine::default());
    let feed = Feed::http(urls, "cfc_a-credential-of-a-bot").machine(machine.clone());
    (TokenSource::new(&feed, SECRET).expect("good settings"), machine)
}

#[tokio::test]
async fn a_token_is_kept_until_the_daemon_said_to_ask_again() {
    let server = Server::start(giving("v1")).await;
    let (source, machine) = source(&server.url);
    assert_eq!(source.token().await.expect("a token").expose(), "the-token-of-a-bot-v1");
    server.now(giving("v2"));
    machine.pass(59_000);
    assert_eq!(source.token().await.expect("a token").version(), "v1");
    assert_eq!(server.asked().len(), 1);
    machine.pass(1_000);
    assert_eq!(source.token().await.expect("a token").version(), "v2");
    let asked = server.asked();
    assert!(asked[0].head.starts_with("GET /v1/token?secret=mcp%2Fslack-bot-token HTTP/1.1"));
    assert_eq!(asked[0].header("authorization"), Some("Bearer cfc_a-credential-of-a-bot"));
}

#[tokio::test]
async fn with_the_daemon_down_the_last_one_goes_on() {
    let server = Server::start(giving("v1")).await;
    let (source, machine) = source(&server.url);
    source.token().await.expect("a token");
    server.now(|_| Reply::Drop);
    for _ in 0..100 {
        machine.pass(10);
        assert_eq!(source.token().await.expect("a token").version(), "v1");
    }
    assert_eq!(server.asked().len(), 1, "not due");
    machine.pass(60_000);
    for _ in 0..100 {
        assert_eq!(source.token().await.expect("a token").version(), "v1");
    }
    let asked = server.asked().len();
    assert!((2..20).contains(&asked), "it backs off: {asked}");
    server.now(giving("v2"));
    machine.pass(30_000);
    assert_eq!(source.token().await.expect("a token").version(), "v2");
}

#[tokio::test]
async fn a_refusal_asks_once_for_each_token() {
    let server = Server::start(giving("v1")).await;
    let (source, _machine) = source(&server.url);
    let first = source.token().await.expect("a token");
    server.now(giving("v2"));
    let second = source.after_refusal(&first).await.expect("a token");
    assert_eq!((second.version(), server.asked().len()), ("v2", 2));
    assert_eq!(source.after_refusal(&first).await.expect("a token").version(), "v2");
    assert_eq!(server.asked().len(), 2, "the newer one is at hand");
    for _ in 0..10 {
        assert_eq!(source.after_refusal(&second).await.expect("a token").version(), "v2", "the same again");
    }
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn without_any_token_the_error_says_why() {
    let forbidden = |_: &Asked| Reply::Last(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_vec());
    let server = Server::start(forbidden).await;
    let error = source(&server.url).0.token().await.expect_err("no token");
    assert!(error.to_string().contains("403"), "{error}");
    server.now(|_| Reply::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"token\":\"a\"}".to_vec()));
    assert!(matches!(source(&server.url).0.token().await, Err(TokenError::Answer)));
    server.now(|_| {
        let json = r#"{"token":"a-token-with\r\nmore: in it","version":"v","refresh_after_ms":1}"#;
        Reply::Last(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{json}", json.len()).into_bytes())
    });
    assert!(matches!(source(&server.url).0.token().await, Err(TokenError::Answer)));
}

#[tokio::test]
async fn the_next_replica_is_asked_where_one_is_down_and_many_who_ask_at_once_share_one_request() {
    let server = Server::start(giving("v1")).await;
    let (source, _machine) = source(&format!("http://127.0.0.1:1,{}", server.url));
    let ask = |_| {
        let source = source.clone();
        tokio::spawn(async move { source.token().await.expect("a token").version().to_owned() })
    };
    for token in (0..20).map(ask).collect::<Vec<_>>() {
        assert_eq!(token.await.expect("a token"), "v1");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_token_prints_as_its_version() {
    let server = Server::start(giving("v1")).await;
    let (source, _machine) = source(&server.url);
    let token = source.token().await.expect("a token");
    assert_eq!(format!("{token:?}"), "Token { version: \"v1\", .. }");
    assert!(!format!("{source:?}").contains("token-of"));
}
