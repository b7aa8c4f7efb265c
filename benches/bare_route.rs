//! Bare axum routes, for `cargo xtask bench` to compare ours with: they read the same form, or nothing, and
//! give an answer of the same size. No credentials, no verdict, no limits, no metrics.

use std::net::SocketAddr;

use axum::{
    Form, Router,
    http::header,
    routing::{get, post},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Params {
    token: String,
}

/// What an introspection of the bench's token answers, but for the values.
const ANSWER: &str = r#"{"active":true,"aud":"https://mcp.example.com/bench","client_id":"slack-bot","exp":1795000020,"iat":1795000000,"scope":"slack:search","secret":"mcp/bench-0000","stage":"current","sub":"slack-bot","token_type":"Bearer","version":"0197f7a2-0000-7000-8000-000000000000"}"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(address.parse::<SocketAddr>()?).await?;
    let router = Router::new().route("/v1/introspect", post(answer)).route("/v1/authorize", get(passed));
    Ok(axum::serve(listener, router).await?)
}

async fn answer(Form(params): Form<Params>) -> ([(header::HeaderName, &'static str); 1], &'static str) {
    // Something has to be done with the token, or the form would not be decoded.
    let body = if params.token.is_empty() { "{}" } else { ANSWER };
    ([(header::CONTENT_TYPE, "application/json")], body)
}

async fn passed() -> [(header::HeaderName, &'static str); 5] {
    [
        ("crossfade-client-id", "slack-bot"),
        ("crossfade-secret", "mcp/bench-0000"),
        ("crossfade-version", "0197f7a2-0000-7000-8000-000000000000"),
        ("crossfade-stage", "current"),
        ("crossfade-expires", "1795000020"),
    ]
    .map(|(name, value)| (header::HeaderName::from_static(name), value))
}
