//! Stands in for Slack's Web API: `search.messages` for one user, `chat.postMessage` for one bot. Not for production.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    routing::any,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{ANN, BOT_TOKEN};

/// Channel, author and text of all messages there are.
const MESSAGES: [(&str, &str, &str); 3] = [
    ("ops", "dora", "The deploy runbook moved to the wiki: Deploys, then Runbook"),
    ("ops", "emil", "Friday's deploy is off until the database is moved"),
    ("random", "dora", "Who took the last coffee?"),
];

/// A message that the bot posted.
#[derive(Clone, Debug)]
pub struct Post {
    pub thread: String,
    pub text: String,
}

/// The workspace; gone when it is dropped.
#[derive(Debug)]
pub struct Workspace {
    pub port: u16,
    posts: Posts,
    task: JoinHandle<io::Result<()>>,
}

type Posts = Arc<Mutex<Vec<Post>>>;

impl Workspace {
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let posts = Posts::default();
        let routes = Router::new().route("/api/{method}", any(call)).with_state(Arc::clone(&posts));
        let task = tokio::task::spawn(async { axum::serve(listener, routes).await });
        Ok(Self { port, posts, task })
    }

    /// What takes the place of `https://slack.com/api/`.
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}/api/", self.port)
    }

    /// What the bot has answered in that thread.
    pub fn answers(&self, thread: &str) -> Vec<Post> {
        let posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.iter().filter(|post| post.thread == thread).cloned().collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    token: Option<String>,
    query: String,
    channel: String,
    thread_ts: String,
    text: String,
}

/// Slack takes a method's arguments from the query, a form or JSON, and answers 200 whatever it thinks of them.
async fn call(
    State(posts): State<Posts>,
    Path(method): Path<String>,
    Query(asked): Query<Fields>,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let sent: Fields = if header(header::CONTENT_TYPE).starts_with("application/json") {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        form(&body)
    };
    let bearer = header(header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned);
    let token = bearer.or(sent.token).or(asked.token);
    let refused = |error| Json(json!({"ok": false, "error": error}));
    match (&*method, token.as_deref()) {
        (_, None) => refused("not_authed"),
        ("search.messages", Some(token)) if token == ANN.1 => Json(search(&(asked.query + &sent.query))),
        ("chat.postMessage", Some(BOT_TOKEN)) => {
            let mut posts = posts.lock().unwrap_or_else(PoisonError::into_inner);
            posts.push(Post { thread: sent.thread_ts, text: sent.text.clone() });
            let message = json!({"type": "message", "text": sent.text});
            Json(json!({"ok": true, "channel": sent.channel, "ts": "1795000000.000100", "message": message}))
        }
        ("search.messages" | "chat.postMessage", Some(_)) => refused("token_revoked"),
        _ => refused("unknown_method"),
    }
}

fn form(body: &[u8]) -> Fields {
    let request = http::Request::builder().uri(format!("/?{}", String::from_utf8_lossy(body))).body(());
    let uri = request.map(|request| request.into_parts().0.uri).unwrap_or_default();
    Query::try_from_uri(&uri).map(|Query(fields)| fields).unwrap_or_default()
}

/// Each message that has one of the query's longer words in it.
fn search(query: &str) -> Value {
    let query = query.to_lowercase();
    let words: Vec<&str> =
        query.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 4).collect();
    let fits = |text: &str| words.iter().any(|word| text.to_lowercase().contains(word));
    let found = MESSAGES.iter().enumerate().filter(|(_, (_, _, text))| fits(text));
    let matches: Vec<Value> = found
        .map(|(n, (channel, who, text))| {
            json!({
                "type": "message", "username": who, "text": text, "ts": format!("17949{n}0000.000100"),
                "channel": {"id": format!("C{n}"), "name": channel},
                "permalink": format!("https://example.slack.com/archives/C{n}/p17949{n}0000000100"),
            })
        })
        .collect();
    json!({"ok": true, "query": query, "messages": {"total": matches.len(), "matches": matches}})
}
