//! `crossfade-testing-mcp-client URL`, with HEADERS in the environment as a JSON object: prints the server's tools, and what
//! `whoami` says, as JSON.

#![expect(
    clippy::disallowed_methods,
    reason = "a command of the tests, which pass headers by the environment"
)]

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use http::{HeaderName, HeaderValue};
use rmcp::{
    ServiceExt as _,
    model::CallToolRequestParams,
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("the server's URL is missing")?;
    let given: HashMap<String, String> = serde_json::from_str(&std::env::var("HEADERS")?)?;
    let mut headers = HashMap::new();
    for (name, value) in given {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
    let client = ().serve(StreamableHttpClientTransport::from_config(config)).await?;
    let tools = client.list_all_tools().await?;
    let said = client.call_tool(CallToolRequestParams::new("whoami")).await?;
    let text = said.content.first().and_then(|content| content.as_text()).context("no text")?;
    let mut tools: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    tools.sort_unstable();
    println!("{}", json!({"tools": tools, "whoami": serde_json::from_str::<Value>(&text.text)?}));
    client.cancel().await?;
    Ok(())
}
