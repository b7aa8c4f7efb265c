//! Each hot path, for `cargo xtask bench instructions`, which names one and runs this under callgrind, where it counts
//! what happens in [`measured`].
//!
//! Nothing here depends on chance or on the time: the verifier's clock stands, and so do the tokens.

use std::{convert::Infallible, future::Ready, hint::black_box, sync::Arc, task::Poll, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response, header},
};
use crossfade::{
    rotation::{
        plan::{Next, next},
        policy::{Notes, Policy, StoreTraits, Terms},
        ring::{Findings, Previous, Ring, Version, VersionId},
        schedule::Schedule,
    },
    time::{Interval, Timestamp},
};
use crossfade_verify::{
    AcceptSet, Digest, Entry, Moment, Stage, Verdict, Verifier, View, decide, token::checksum,
    tower::RequireToken,
};
use tower::{Layer as _, Service};

const AUDIENCE: &str = "https://mcp.example.com/slack";
const TAKEN: Moment = Moment { boot_ms: 1, wall_ms: 1 };

fn main() {
    let tokens: Vec<String> = (0..100_000).map(token).collect();
    let few = view(&tokens[..3]);
    let json = view(&tokens[..1_000]).set.to_json().into_bytes();
    let verifier = Verifier::with_clock(AUDIENCE, Arc::new(TAKEN));
    verifier.replace(view(&tokens[..3]));
    let unknown = token(1_000_000);
    let mut mistyped = tokens[0].clone().into_bytes();
    mistyped[20] = b'x';
    let mistyped = String::from_utf8(mistyped).expect("text");

    count("one SHA-256", || Digest::of(black_box(tokens[0].as_bytes())));
    count("verify, accepted", || is_accepted(&verifier.verify(black_box(&tokens[0]))));
    count("verify, unknown", || !is_accepted(&verifier.verify(black_box(&unknown))));
    count("verify, malformed", || !is_accepted(&verifier.verify(black_box(&mistyped))));
    count("decide, 3 entries", || is_accepted(&decide(Some(&few), black_box(tokens[0].as_bytes()), TAKEN)));
    let many = view(&tokens);
    count("decide, 100,000 entries", || {
        is_accepted(&decide(Some(&many), black_box(tokens[0].as_bytes()), TAKEN))
    });
    count("parse of 1,000 entries", || AcceptSet::parse(black_box(&json), AUDIENCE).expect("a good set"));
    layer(verifier, &tokens[0]);
    plan();
}

/// What is counted, if it is asked for. The first time is for what is done once in a process, and not counted.
fn count<T>(name: &str, work: impl Fn() -> T) {
    if is_asked_for(name) {
        drop(black_box(work()));
        drop(black_box(measured(work)));
    }
}

fn is_asked_for(name: &str) -> bool {
    std::env::args().nth(1).is_some_and(|asked| asked == name)
}

#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// A request with the headers of an MCP client, through the layer.
fn layer(verifier: Verifier, token: &str) {
    let mut guarded = RequireToken::new(verifier).header("mcp-access-token").layer(Inner);
    let request = || {
        Request::post("/mcp")
            .header(header::HOST, "mcp.example.com")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "mcp-client")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("mcp-session-id", "0197f7a2-0000-7000-8000-000000000000")
            .header("mcp-protocol-version", "2025-11-25")
            .body(Body::empty())
            .expect("a request")
    };
    drop(guarded.call(request()));
    if is_asked_for("layer, a request") {
        let request = request();
        drop(black_box(measured(|| guarded.call(black_box(request)))));
    }
}

#[derive(Clone)]
struct Inner;

impl Service<Request<Body>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(request.headers().get(header::AUTHORIZATION).is_none(), "the token was not taken out");
        std::future::ready(Ok(Response::new(String::new())))
    }
}

/// A ring in grace, as most are that are looked at while something is to be waited for.
fn plan() {
    let seconds = Duration::from_secs;
    let store = StoreTraits {
        store_lag: seconds(15),
        write_lag: seconds(300),
        notes: Notes::BeforePromotion,
        creates: false,
    };
    let policy = Policy::new(Terms {
        secret: "mcp/slack-bot-token".into(),
        schedule: Some(Schedule::every(seconds(12 * 3600)).expect("a period")),
        jitter: seconds(300),
        grace: seconds(4 * 3600),
        soak: None,
        freshness: seconds(60),
        hold: seconds(24 * 3600),
        sync: seconds(20),
        store,
    });
    let policy = policy.expect("a sound policy");
    let at = |s: u64| Timestamp::from_millis(1_795_000_000_000 + s * 1000);
    let version = |n: u32, created: u64| Version {
        id: VersionId::derive("mcp/slack-bot-token", None, n),
        created: at(created),
        digest: Digest::of(&n.to_le_bytes()),
        foreign: false,
        ended: None,
        note: None,
    };
    let deadline = at(13 * 3600 + 4 * 3600);
    let replaced = Version { note: Some(deadline), ..version(0, 0) };
    let ring = Ring {
        current: version(1, 12 * 3600),
        pending: None,
        previous: vec![Previous { version: replaced, deadline }],
        paused: None,
        kept: None,
        findings: Findings::default(),
    };
    let now = Interval::exactly(at(14 * 3600));
    let work = || next(black_box(Some(&ring)), &policy, None, now);
    assert_eq!(work(), Next::Idle { until: Some(deadline) }, "it waits for the deadline");
    count("plan::next, in grace", work);
}

fn is_accepted<A>(verdict: &Verdict<A>) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}

/// As long as Crossfade makes them.
fn token(n: usize) -> String {
    let body = format!("mcp_{n:043}");
    let sum = checksum(body.as_bytes());
    body + str::from_utf8(&sum).expect("text")
}

fn view(tokens: &[String]) -> View {
    let entry = |token: &String| Entry {
        digest: Digest::of(token.as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: "0197f7a2-0000-7000-8000-000000000000".into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 0,
        grace_ms: 60_000,
        not_after_ms: None,
    };
    let set = AcceptSet::new(AUDIENCE, 60_000, 600_000, tokens.iter().map(entry).collect());
    View { set: set.expect("a good set"), now_ms: 1_000, age_ms: 0, taken: TAKEN, complete: true }
}
