//! Stands in for the hosted Responses API. As the hosted one does, it connects to the MCP server that the request names, with the
//! headers that it names, lists the tools and calls one for several seconds, always with the same headers; and whoever asks sees
//! of a 401 only that a dependency failed. Not for production: in place of a model it searches for what it was asked.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

mod run;

use crate::bot::Header;

/// How a run goes.
#[derive(Copy, Clone, Debug)]
pub struct Pace {
    /// How often the tool is called.
    pub calls: u32,
    /// Before each call.
    pub pause: Duration,
    /// What is made of a call that was refused.
    pub hiding: Hiding,
}

/// The hosted API has been seen to do either.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Hiding {
    /// The whole request fails with 424, as it always does while tools are listed.
    Whole,
    /// The request succeeds, and says so of that call.
    Item,
}

/// A request, as the stand-in saw it.
#[derive(Clone, Debug)]
pub struct Run {
    pub question: String,
    pub server: String,
    pub header: Header,
    pub token: String,
    pub began: Instant,
    pub steps: Vec<Step>,
    pub is_over: bool,
}

/// One exchange with the MCP server: the first connects, the second lists, the others call.
#[derive(Clone, Debug)]
pub struct Step {
    pub at: Instant,
    pub outcome: Outcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Accepted,
    /// 401 or 403, with a challenge.
    Refused,
    /// Neither: a 503, say, or nobody there.
    Failed(String),
}

/// The API; gone when it is dropped.
#[derive(Debug)]
pub struct Hosted {
    pub port: u16,
    runs: Runs,
    task: JoinHandle<io::Result<()>>,
}

type Runs = Arc<Mutex<Vec<Run>>>;
type Paces = Arc<dyn Fn(&str) -> Pace + Send + Sync>;

impl Hosted {
    /// What was asked says how the run goes.
    pub async fn start(pace: impl Fn(&str) -> Pace + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (port, runs) = (listener.local_addr()?.port(), Runs::default());
        let state: (Runs, Paces) = (Arc::clone(&runs), Arc::new(pace));
        let routes = Router::new().route("/v1/responses", post(create)).with_state(state);
        let task = tokio::task::spawn(async { axum::serve(listener, routes).await });
        Ok(Self { port, runs, task })
    }

    /// What takes the place of `https://api.openai.com/v1`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// All runs so far, the oldest first.
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.runs).clone()
    }

    /// Those that were made for that question.
    pub fn runs_of(&self, question: &str) -> Vec<Run> {
        lock(&self.runs).iter().filter(|run| run.question.contains(question)).cloned().collect()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(runs: &Runs) -> MutexGuard<'_, Vec<Run>> {
    runs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize)]
struct Request {
    model: String,
    input: String,
    tools: Vec<Tool>,
}

/// A remote MCP server: <https://platform.openai.com/docs/guides/tools-connectors-mcp>.
#[derive(Deserialize)]
struct Tool {
    server_label: String,
    server_url: String,
    authorization: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Tool {
    fn token(&self) -> (Header, String) {
        let ours = self.headers.get(Header::McpAccessToken.as_str());
        match (&self.authorization, ours) {
            (None, Some(token)) => (Header::McpAccessToken, token.clone()),
            (token, _) => (Header::Authorization, token.clone().unwrap_or_default()),
        }
    }
}

async fn create(
    State((runs, pace)): State<(Runs, Paces)>,
    Json(request): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let Ok(Request { model, input, tools }) = serde_json::from_value(request) else {
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", "nothing that this stand-in takes");
    };
    let [tool] = &*tools else {
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", "this stand-in takes one MCP server");
    };
    let (header, token) = tool.token();
    let began = Instant::now();
    let run = Run {
        question: input.clone(),
        server: tool.server_url.clone(),
        header,
        token,
        began,
        steps: vec![],
        is_over: false,
    };
    let at = {
        let mut runs = lock(&runs);
        runs.push(run);
        runs.len() - 1
    };
    let note = |outcome| lock(&runs)[at].steps.push(Step { at: Instant::now(), outcome });
    let output = run::run(tool, &input, pace(&input), note).await;
    lock(&runs)[at].is_over = true;
    match output {
        Ok(output) => (
            StatusCode::OK,
            Json(json!({
                "id": format!("resp_{at}"), "object": "response", "created_at": 1_795_000_000, "status": "completed",
                "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "model": model,
                "output": output, "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [],
                "top_p": 1.0,
            })),
        ),
        Err(said) => error(StatusCode::FAILED_DEPENDENCY, "external_connector_error", &said),
    }
}

fn error(status: StatusCode, kind: &str, message: &str) -> (StatusCode, Json<Value>) {
    let error = json!({"message": message, "type": kind, "param": "tools", "code": "http_error"});
    (status, Json(json!({ "error": error })))
}
