//! A run: the official MCP client, with one set of headers from its first request to its last.

use std::{collections::HashMap, error::Error};

use http::{HeaderName, HeaderValue, header};
use rmcp::{
    ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult},
    service::{ClientInitializeError, ServiceError},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

use super::{Hiding, Outcome, Pace, Tool};

const NAME: &str = "search-slack-messages";

/// The items of the answer's output; else what the 424 says.
pub(super) async fn run(
    tool: &Tool,
    question: &str,
    pace: Pace,
    note: impl Fn(Outcome),
) -> Result<Vec<Value>, String> {
    let label = &tool.server_label;
    let listing = |code: &str| {
        format!("Error retrieving tool list from MCP server: '{label}'. Http status code: {code}")
    };
    let headers = headers(tool).map_err(|error| error.to_string())?;
    let config =
        StreamableHttpClientTransportConfig::with_uri(tool.server_url.clone()).custom_headers(headers);
    let connected = ().serve(StreamableHttpClientTransport::from_config(config)).await;
    let client = noted(connected, &note).map_err(|code| listing(&code))?;
    let tools = noted(client.list_all_tools().await, &note).map_err(|code| listing(&code))?;

    let names: Vec<Value> = tools.iter().map(|tool| json!({"name": tool.name, "input_schema": {}})).collect();
    let mut output =
        vec![json!({"type": "mcp_list_tools", "id": "mcpl_1", "server_label": label, "tools": names})];
    let mut answer = String::new();
    for n in 1..=pace.calls {
        tokio::time::sleep(pace.pause).await;
        let arguments = json!({ "query": question });
        let call = CallToolRequestParams::new(NAME)
            .with_arguments(arguments.as_object().cloned().unwrap_or_default());
        let mut item = json!({
            "type": "mcp_call", "id": format!("mcp_{n}"), "server_label": label, "name": NAME,
            "arguments": arguments.to_string(), "output": null, "error": null,
        });
        match noted(client.call_tool(call).await, &note) {
            Ok(result) => {
                answer = text(&result);
                let failed = result.is_error == Some(true);
                item[if failed { "error" } else { "output" }] = json!(answer);
            }
            Err(code) if pace.hiding == Hiding::Whole => {
                return Err(format!("Error calling tool of MCP server: '{label}'. Http status code: {code}"));
            }
            Err(code) => {
                let message = format!("An error occurred while executing the tool: {code}");
                item["error"] = json!({"type": "http_error", "code": 424, "message": message});
                answer = "that did not work.".to_owned();
            }
        }
        let failed = item["error"].is_object();
        output.push(item);
        if failed {
            break;
        }
    }
    // The server may be gone by now; the answer stands.
    let _ = client.cancel().await;
    let text =
        json!({"type": "output_text", "text": format!("I searched Slack: {answer}"), "annotations": []});
    output.push(json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}));
    Ok(output)
}

fn headers(tool: &Tool) -> Result<HashMap<HeaderName, HeaderValue>, http::Error> {
    let mut headers = HashMap::new();
    for (name, value) in &tool.headers {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    if let Some(token) = &tool.authorization {
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    }
    Ok(headers)
}

fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|content| content.as_text());
    texts.map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Writes down how it went; on failure, what the hosted API would name as the status.
fn noted<T, E: Challenged>(result: Result<T, E>, note: impl Fn(Outcome)) -> Result<T, String> {
    match result {
        Ok(value) => {
            note(Outcome::Accepted);
            Ok(value)
        }
        Err(error) if error.is_challenged() => {
            note(Outcome::Refused);
            Err("401 (Unauthorized)".to_owned())
        }
        Err(error) => {
            note(Outcome::Failed(error.to_string()));
            Err("424 (Failed Dependency)".to_owned())
        }
    }
}

trait Challenged: Error {
    fn is_challenged(&self) -> bool;
}

impl Challenged for ClientInitializeError {
    fn is_challenged(&self) -> bool {
        self.auth_challenge().is_some()
    }
}

impl Challenged for ServiceError {
    fn is_challenged(&self) -> bool {
        self.auth_challenge().is_some()
    }
}
