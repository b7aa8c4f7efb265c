//! Input: what Secrets Manager answers. Each answer begins with a line `D 200`, `V 200` or `L 200`: to DescribeSecret, to
//! GetSecretValue or to ListSecretVersionIds, with that status, and perhaps a `Date` of its own; its body follows. The
//! last one of a kind is given again and again.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    error::Error,
    iter::successors,
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
use crossfade::store::{
    ReadError, Reading, Secret, Store as _,
    aws::{Aws, Options},
};
use crossfade_verify::Digest;
use serde_json::Value;

use super::{STILL, wait};

const DATE: &str = "Thu, 26 Nov 2026 12:00:00 GMT";

/// Whatever AWS answers, a read ends, believes only tokens that stand in an answer, and tells no token when it fails.
pub(crate) fn hold(input: &[u8]) {
    let script = script(input);
    // What the SDK's parser takes and serde_json does not says nothing here.
    let plain = script.values().flatten().all(|answer| serde_json::from_slice::<Value>(&answer.body).is_ok());
    let tokens: Vec<String> = script.values().flatten().filter_map(|answer| token(&answer.body)).collect();
    let mut said = Vec::new();
    for read in read_twice(script) {
        match read {
            Ok(reading) => {
                for version in reading.ring.iter().flat_map(|ring| ring.versions()) {
                    let known = tokens.iter().any(|token| Digest::of(token.as_bytes()) == version.digest);
                    assert!(!plain || known || !version.has_token(), "a token that nobody has sent");
                }
                if let Some(ring) = &reading.ring {
                    let ids: BTreeSet<_> = ring.versions().map(|version| version.id).collect();
                    assert_eq!(ids.len(), ring.versions().count(), "one version stands in two places");
                }
            }
            Err(error) => said.extend(chain(&error)),
        }
    }
    let told = |token: &&String| token.len() > 15 && said.iter().any(|said| said.contains(&***token));
    for token in tokens.iter().filter(told) {
        // A search finds tokens that are words of the error's own. Those it says of other tokens, too.
        let errors = read_twice(with_other_tokens(input)).into_iter().filter_map(Result::err);
        let own = errors.flat_map(|error| chain(&error)).any(|said| said.contains(&**token));
        assert!(own, "it tells a token: {said:?}");
    }
}

/// Twice: what was remembered of the first read is part of the second.
fn read_twice(script: Answers) -> Vec<Result<Reading, ReadError>> {
    wait(async {
        let store = Aws::with(client(script), Options::default(), Arc::new(STILL));
        let mut versions = store.secret(Secret::new("demo", "cf_"));
        vec![versions.read().await, versions.read().await]
    })
}

/// What an error says, and each of its causes.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

/// The same answers, with the next letter or digit for each in a secret value.
fn with_other_tokens(input: &[u8]) -> Answers {
    let mut script = script(input);
    for answer in script.values_mut().flatten() {
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { continue };
        if let Some(Value::String(value)) = body.get_mut("SecretString") {
            *value = value.chars().map(other).collect();
            answer.body = body.to_string().into_bytes();
        }
    }
    script
}

const fn other(character: char) -> char {
    match character {
        'a'..='y' | 'A'..='Y' | '0'..='8' => (character as u8 + 1) as char,
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        _ => character,
    }
}

type Answers = HashMap<u8, VecDeque<Answer>>;

#[derive(Debug)]
struct Answer {
    status: u16,
    date: String,
    body: Vec<u8>,
}

fn script(input: &[u8]) -> Answers {
    let mut script = Answers::new();
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
struct Script(Arc<Mutex<Answers>>);

fn client(script: Answers) -> Client {
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
