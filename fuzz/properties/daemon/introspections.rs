//! Input: the body of `POST /v1/introspect`, a form.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use crossfade::{
    clock::Clock,
    distribution::{Bounds, Distribution, Member},
    http::{
        api::{Api, Verdicts},
        auth::{Caller, Client, ClientIndex, Clients, Polls, Role},
        listener::Peer,
    },
    metrics::Metrics,
    rotation::ring::{Findings, Ring, Version, VersionId},
    time::{Interval, Timestamp},
};
use crossfade_verify::Digest;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{NOW_MS, STILL, wait};

const CURRENT: &str = "cf_the-current-one_0123456789abcdefghij";
const PENDING: &str = "cf_the-pending-one_0123456789abcdefghij";
const AUDIENCE: &str = "mcp";
/// As in the example config.
const CREDENTIAL: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";

/// A form is read as the standard reads forms: one rightful token in it is accepted, whatever stands beside it, nothing
/// else is, and no answer repeats a token.
pub(crate) fn hold(input: &[u8]) {
    let (status, body) = wait(ask(input.to_vec()));
    let text = String::from_utf8(body).expect("JSON is text");
    let answer: Value = serde_json::from_str(&text).expect("every answer is JSON");
    assert!(![CURRENT, PENDING].iter().any(|token| text.contains(token)), "it repeats a token");
    let all = |key: &str| {
        let pairs = form_urlencoded::parse(input).filter(|(name, _)| name == key);
        pairs.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
    };
    let (tokens, audiences) = (all("token"), all("audience"));
    // One without a value is as if it were left out.
    let ours = audiences.is_empty() || audiences == [AUDIENCE] || audiences == [""];
    let rightful = matches!(&tokens[..], [one] if [CURRENT, PENDING].contains(&&**one)) && ours;
    if input.len() <= 16 * 1024 {
        assert_eq!(status == StatusCode::OK && answer["active"] == true, rightful, "{status}: {text}");
    }
    match status {
        StatusCode::OK => assert!(answer["active"].is_boolean(), "{text}"),
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::PAYLOAD_TOO_LARGE => {
            assert!(answer["error"].is_string() && answer["error_description"].is_string(), "{text}");
        }
        other => panic!("{other} is no answer to a form: {text}"),
    }
}

async fn ask(body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    static API: OnceLock<Arc<Api>> = OnceLock::new();
    let request = Request::post("/v1/introspect")
        .header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .expect("a request");
    let caller = Caller::from(Peer { name: "fuzz".into(), uid: None });
    let answer = API.get_or_init(api).answer(request, &caller).made().await;
    let status = answer.status();
    (status, to_bytes(answer.into_body(), 64 * 1024).await.expect("a body").to_vec())
}

/// The daemon's own API, on one secret that was read just now.
fn api() -> Arc<Api> {
    let member = Member {
        secret: "demo".into(),
        client_id: "bot".into(),
        audience: AUDIENCE.into(),
        scopes: Arc::new([]),
        grace: Duration::from_secs(60),
    };
    let bounds = Bounds {
        freshness: Duration::from_secs(60),
        hold: Duration::from_secs(3600),
        accept_within: Duration::from_secs(80),
    };
    let clock: Arc<dyn Clock> = Arc::new(STILL);
    let distribution = Arc::new(Distribution::new(Arc::clone(&clock), bounds, vec![member]));
    let now = Timestamp::from_millis(NOW_MS);
    distribution.publish(
        "demo",
        Some(&Arc::new(ring(now))),
        clock.moment(),
        Interval { earliest: now, latest: now },
    );
    let client = Arc::new(Client {
        id: "server".into(),
        role: Role::Verifier,
        audiences: Arc::new([AUDIENCE.into()]),
        secrets: Arc::new([]),
        token_headers: Arc::new([]),
        polls: Polls::default(),
        share: Arc::default(),
    });
    let clients = Arc::new(Clients::default());
    let by_credential = [(Digest::of(CREDENTIAL.as_bytes()), client)].into();
    clients.replace(ClientIndex { by_credential, ..ClientIndex::default() });
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    metrics.know_audience(AUDIENCE, &["bot"]);
    let verdicts = Verdicts { distribution, metrics, clock };
    Arc::new(Api::new(verdicts, None, clients, CancellationToken::new()))
}

fn ring(now: Timestamp) -> Ring {
    let version = |token: &str, id: VersionId| Version {
        id,
        created: now - Duration::from_secs(10),
        digest: Digest::of(token.as_bytes()),
        foreign: true,
        ended: None,
        note: None,
    };
    let current = VersionId::derive("demo", None, 0);
    Ring {
        current: version(CURRENT, current),
        pending: Some(version(PENDING, VersionId::derive("demo", Some(current), 0))),
        previous: Vec::new(),
        paused: None,
        kept: None,
        findings: Findings::default(),
    }
}
