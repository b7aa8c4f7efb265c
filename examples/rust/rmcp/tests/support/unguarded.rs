//! The example without its guard, for those who compare what a server conforms to behind it and without.

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "of the example only its MCP server is taken")]
mod example;

use std::sync::Arc;

use axum::Router;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // As the example has it.
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts([address.to_string(), format!("localhost:{}", address.port())])
        .with_allowed_origins([format!("http://{address}")]);
    let sessions = Arc::new(LocalSessionManager::default());
    let server = example::Server::new()?;
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    println!("listening on http://{address}/mcp");
    Ok(axum::serve(listener, Router::new().nest_service("/mcp", mcp)).await?)
}
