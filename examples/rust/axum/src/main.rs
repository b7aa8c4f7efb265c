//! An HTTP server behind rotating tokens. What is Crossfade's stands between the two lines.

#![expect(clippy::disallowed_methods, reason = "an example reads its settings from the environment itself")]

use std::env::var;

use axum::{Extension, Json, Router, http::HeaderMap, routing::any};
// ---- Crossfade
use crossfade_verify::{Grant, Source, Verifier, feed::Feed, tower::RequireToken};

async fn guarded(routes: Router) -> anyhow::Result<Router> {
    let mut feed = Feed::http(var("CROSSFADE_URL")?, var("CROSSFADE_CREDENTIAL")?);
    if let Ok(file) = var("CROSSFADE_CACHE") {
        feed = feed.cache(file);
    }
    let verifier = Verifier::connect(feed, var("CROSSFADE_AUDIENCE")?).await?;
    Ok(routes.layer(RequireToken::new(verifier).header("mcp-access-token")))
}
// ----

/// The credential is gone; who called, and the headers of the user, are there.
async fn whoami(Extension(grant): Extension<Grant>, headers: HeaderMap) -> Json<serde_json::Value> {
    let (version, stage) = match grant.source() {
        Source::Secret(secret) => (secret.version(), secret.stage().as_str()),
        _ => ("", ""),
    };
    Json(serde_json::json!({
        "client_id": grant.client_id(),
        "version": version,
        "stage": stage,
        "slack_user_token_present": headers.contains_key("slack-user-token"),
        "authorization_seen": headers.contains_key("authorization") || headers.contains_key("mcp-access-token"),
    }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let routes = guarded(Router::new().route("/mcp", any(whoami))).await?;
    let listener = tokio::net::TcpListener::bind(var("LISTEN").unwrap_or("127.0.0.1:0".to_owned())).await?;
    println!("listening on http://{}/mcp", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}
