//! Slack's search with the caller's own token: the shared one opens this server, and nothing of Slack.

use std::time::Duration;

use serde::Deserialize;

/// Slack's errors that a new login of the user mends.
const LOGIN: [&str; 5] = ["not_authed", "invalid_auth", "account_inactive", "token_expired", "token_revoked"];

/// Slack's Web API, or what stands in for it.
#[derive(Clone)]
pub(crate) struct Slack {
    http: reqwest::Client,
    api: String,
}

#[derive(Deserialize)]
struct Found {
    ok: bool,
    error: Option<String>,
    messages: Option<Messages>,
}

#[derive(Deserialize)]
struct Messages {
    total: u64,
    matches: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    text: String,
    username: Option<String>,
    channel: Option<Channel>,
    permalink: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    name: Option<String>,
}

impl Slack {
    /// `https://slack.com/api/`, with the slash.
    pub(crate) fn new(api: String) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, api })
    }

    /// Text that an LLM can use: what was found, or else what has to be done.
    pub(crate) async fn search(&self, query: &str, token: Option<&str>) -> Result<String, String> {
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or("no Slack token came with this call: the user has to connect their Slack account first")?;
        let url = format!("{}search.messages", self.api);
        let request = self.http.get(url).query(&[("query", query), ("count", "10")]).bearer_auth(token);
        let unreachable = |_| "Slack can't be reached at the moment: try again later";
        let response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(format!("Slack answers {status} at the moment: try again later"));
        }
        told(response.json().await.map_err(unreachable)?, query)
    }
}

fn told(found: Found, query: &str) -> Result<String, String> {
    let error = found.error.unwrap_or("unknown".to_owned());
    if LOGIN.contains(&&*error) {
        return Err(format!(
            "Slack refuses the user's token ({error}): they have to connect their account again"
        ));
    }
    let messages = found.messages.filter(|_| found.ok);
    let Messages { total, matches } = messages.ok_or_else(|| format!("Slack refuses the search: {error}"))?;
    let mut lines = vec![format!("{total} found for {query:?}")];
    for Message { text, username, channel, permalink } in matches {
        let who = username.as_deref().unwrap_or("somebody");
        let channel = channel.and_then(|channel| channel.name);
        let link = permalink.map(|link| format!(" ({link})")).unwrap_or_default();
        lines.push(format!("- {who} in #{}: {text}{link}", channel.as_deref().unwrap_or("?")));
    }
    Ok(lines.join("\n"))
}
