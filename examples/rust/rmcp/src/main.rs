//! An MCP server (streamable HTTP) behind rotating tokens.

#![expect(clippy::disallowed_methods, reason = "an example reads its settings from the environment itself")]

mod slack;

use std::{env::var, sync::Arc};

use axum::Router;
use crossfade_verify::{Grant, Source, Verifier, feed::Feed, tower::RequireToken};
use http::request::Parts;
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{tool::Extension, wrapper::Parameters},
    model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

use slack::Slack;

#[derive(Clone)]
pub(crate) struct Server {
    slack: Slack,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Search {
    query: String,
}

#[tool_router]
impl Server {
    /// Each call brings the request that it came with: who called is among its extensions.
    #[tool(description = "Says who calls, and what of the request reaches a tool.")]
    async fn whoami(&self, Extension(request): Extension<Parts>) -> Result<String, ErrorData> {
        let grant = request.extensions.get::<Grant>();
        let grant = grant.ok_or_else(|| ErrorData::internal_error("the server is not guarded", None))?;
        let (version, stage) = match grant.source() {
            Source::Secret(secret) => (secret.version(), secret.stage().as_str()),
            _ => ("", ""),
        };
        let has = |name| request.headers.contains_key(name);
        let seen = serde_json::json!({
            "client_id": grant.client_id(),
            "version": version,
            "stage": stage,
            "slack_user_token_present": has("slack-user-token"),
            "authorization_seen": has("authorization") || has("mcp-access-token"),
        });
        Ok(seen.to_string())
    }

    /// With the token of the user who asks, which the bot sends along.
    #[tool(
        name = "search-slack-messages",
        description = "Searches the Slack messages that the asking user can read, and lists those that fit best."
    )]
    async fn search(
        &self,
        Parameters(Search { query }): Parameters<Search>,
        Extension(request): Extension<Parts>,
    ) -> CallToolResult {
        let token = request.headers.get("slack-user-token").and_then(|token| token.to_str().ok());
        match self.slack.search(&query, token).await {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        }
    }
}

impl Server {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let slack = Slack::new(var("SLACK_API_URL").unwrap_or("https://slack.com/api/".to_owned()))?;
        Ok(Self { slack })
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("crossfade-example", "1"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(var("LISTEN").unwrap_or("127.0.0.1:0".to_owned())).await?;
    let address = listener.local_addr()?;
    // Of a public server: its own name, and the browsers' pages that may call it.
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts([address.to_string(), format!("localhost:{}", address.port())])
        .with_allowed_origins([format!("http://{address}")]);
    let server = Server::new()?;
    let mcp = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );

    let mut feed = Feed::http(var("CROSSFADE_URL")?, var("CROSSFADE_CREDENTIAL")?);
    if let Ok(file) = var("CROSSFADE_CACHE") {
        feed = feed.cache(file);
    }
    let verifier = Verifier::connect(feed, var("CROSSFADE_AUDIENCE")?).await?;
    let guard = RequireToken::new(verifier).header("mcp-access-token").json_rpc_errors();
    let routes = Router::new().nest_service("/mcp", mcp).layer(guard);

    println!("listening on http://{address}/mcp");
    Ok(axum::serve(listener, routes).await?)
}
