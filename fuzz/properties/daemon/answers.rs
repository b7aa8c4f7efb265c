//! Input: what Secrets Manager answers. Each answer begins with a line `D 200`, `V 200` or `L 200`: to DescribeSecret, to
//! GetSecretValue or to ListSecretVersionIds, with that status, and perhaps a `Date` of its own; its body follows. The
//! last one of a kind is given again and again.

use std::{
    collections::{HashMap, VecDeque},
    error::Error,
    sync::{Arc, Mutex},
};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, HttpClient, Region, RuntimeComponents,
        http::{HttpRequest, HttpResponse},
    },
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use crossfade::{
    rotation::ring::NO_TOKEN,
    store::{
        Secret, Store as _,
        aws::{Aws, Options},
    },
};
use crossfade_verify::Digest;
use serde_json::Value;

use super::{Still, wait};

const DATE: &str = "Thu, 26 Nov 2026 12:00:00 GMT";

/// Whatever AWS answers, a read ends, believes only tokens that stand in an answer, and tells no token when it fails.
pub(crate) fn hold(input: &[u8]) {
    let script = script(input);
    // What the SDK's parser takes and serde_json does not says nothing here.
    let plain = script.values().flatten().all(|answer| serde_json::from_slice::<Value>(&answer.body).is_ok());
    let tokens: Vec<String> = script.values().flatten().filter_map(|answer| token(&answer.body)).collect();
    wait(async {
        let store = Aws::with(client(script), Options::default(), Arc::new(Still));
        // Twice: what was remembered of the first read is part of the second.
        for _ in 0..2 {
            match store.read(&Secret::new("demo", "cf_")).await {
                Ok(reading) => {
                    for version in reading.ring.iter().flat_map(|ring| ring.versions()) {
                        let known = tokens.iter().any(|token| Digest::of(token.as_bytes()) == version.digest);
                        assert!(
                            !plain || known || version.digest == NO_TOKEN,
                            "a token that nobody has sent"
                        );
                    }
                    if let Some(ring) = &reading.ring {
                        let ids: std::collections::BTreeSet<_> =
                            ring.versions().map(|version| version.id).collect();
                        assert_eq!(ids.len(), ring.versions().count(), "one version stands in two places");
                    }
                }
                Err(error) => {
                    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
                    while let Some(error) = cause {
                        let said = error.to_string();
                        let told = tokens.iter().any(|token| token.len() > 15 && said.contains(&**token));
                        assert!(!told, "it tells a token: {said}");
                        cause = error.source();
                    }
                }
            }
        }
    });
}

#[derive(Debug)]
struct Answer {
    status: u16,
    date: String,
    body: Vec<u8>,
}

fn script(input: &[u8]) -> HashMap<u8, VecDeque<Answer>> {
    let mut script: HashMap<u8, VecDeque<Answer>> = HashMap::new();
    let mut kind = None;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        if let Some((begun, answer)) = head(line) {
            script.entry(begun).or_default().push_back(answer);
            kind = Some(begun);
        } else if let Some(answer) = kind.and_then(|kind| script.get_mut(&kind)?.back_mut()) {
            answer.body.extend(line);
        }
    }
    script
}

fn head(line: &[u8]) -> Option<(u8, Answer)> {
    let (kind, rest) = line.split_first()?;
    let rest = std::str::from_utf8(rest.strip_prefix(b" ")?).ok()?.trim_end();
    let (status, date) = rest.split_at_checked(3)?;
    let status = status.parse().ok().filter(|status| (200..600).contains(status))?;
    let date = date.strip_prefix(' ').unwrap_or(DATE).to_owned();
    matches!(kind, b'D' | b'V' | b'L').then(|| (*kind, Answer { status, date, body: Vec::new() }))
}

/// The secret value in an answer, as JSON has it.
fn token(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let token = body["SecretString"].as_str()?;
    Some(token.strip_suffix('\n').unwrap_or(token).to_owned())
}

/// Answers by the script, without a network.
#[derive(Clone, Debug)]
struct Script(Arc<Mutex<HashMap<u8, VecDeque<Answer>>>>);

fn client(script: HashMap<u8, VecDeque<Answer>>) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:4566")
        .credentials_provider(Credentials::new("fuzz", "none", None, None, "test"))
        .http_client(Script(Arc::new(Mutex::new(script))));
    Client::from_conf(config.build())
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = request.headers().get("x-amz-target").unwrap_or_default();
        let kind = match asked.rsplit('.').next() {
            Some("DescribeSecret") => b'D',
            Some("GetSecretValue") => b'V',
            _ => b'L',
        };
        HttpConnectorFuture::ready(Ok(self.answer(kind)))
    }
}

impl Script {
    fn answer(&self, kind: u8) -> HttpResponse {
        let mut script = self.0.lock().expect("no panic");
        let left = script.entry(kind).or_default();
        let (status, date, body) = match left.front() {
            Some(answer) => (answer.status, answer.date.clone(), answer.body.clone()),
            None => (400, DATE.to_owned(), Vec::new()),
        };
        if left.len() > 1 {
            left.pop_front();
        }
        let mut response = HttpResponse::new(status.try_into().expect("a status"), body.into());
        // A header that can't be written was not sent.
        drop(response.headers_mut().try_insert("date", date));
        response
    }
}
