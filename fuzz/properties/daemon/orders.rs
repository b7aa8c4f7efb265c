//! Input: a verb, a line feed, and the body of an order on the admin socket.

use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request as HttpRequest, StatusCode, Uri, header},
};
use crossfade::{
    audit::{AuditLog, Target},
    http::{
        admin::{Admin, router},
        auth::Caller,
        listener::Peer,
        operator::{
            Operator, OrderError, OrderOutcome, OrderReport, Preview, Running, SecretStatus, VersionStatus,
        },
    },
    rotation::plan::{Phase, Request},
};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use super::{NOW_MS, STILL, wait};

const CURRENT: &str = "0195f3a0-0000-7000-8000-000000000001";
const PENDING: &str = "0195f3a0-0000-7000-8000-000000000002";

/// An order is carried out as it is written, or it isn't and the answer says why.
pub(crate) fn hold(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Some(verb) = std::str::from_utf8(&input[..end]).ok().filter(|verb| !verb.is_empty()) else { return };
    let Ok(uri) = format!("/v1/admin/secrets/demo/{verb}").parse::<Uri>() else { return };
    // As it stands in the path, or not an order at all.
    if !verb.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return;
    }
    let body = &input[end + 1..];
    let (status, text) = wait(ask(uri, body.to_vec()));
    let ordered = desk().0.lock().expect("no panic").take();
    let answer: Value = serde_json::from_slice(&text).expect("every answer is JSON");
    match status {
        StatusCode::OK => assert_eq!(ordered.as_ref(), Some(&meant(verb, body)), "another order"),
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        | StatusCode::PAYLOAD_TOO_LARGE => {
            assert_eq!(ordered, None, "refused, and carried out all the same");
            assert!(answer["error"].is_string() && answer["error_description"].is_string(), "{answer}");
        }
        other => panic!("{other} is no answer to an order: {answer}"),
    }
}

/// What those words can only mean, read in another way.
fn meant(verb: &str, body: &[u8]) -> Request {
    let empty = Value::Object(Map::new());
    let read: Value = if body.is_empty() { empty } else { serde_json::from_slice(body).expect("JSON") };
    // A known version may be named by a beginning of its id, wherever its hyphens stand.
    let digits = |id: &str| id.replace('-', "").to_ascii_lowercase();
    let whole = |text| [CURRENT, PENDING].into_iter().find(|id| digits(id).starts_with(&digits(text)));
    let id = |key: &str| {
        let text = read[key].as_str()?;
        Some(whole(text).unwrap_or(text).parse().expect("a version's id"))
    };
    let named = id("current");
    match verb {
        "rotate" if read["compromised"] == true => Request::Compromised { named },
        "rotate" => Request::Rotate { named },
        "abort" => Request::Abort { named: id("pending") },
        "pause" => Request::Pause,
        "resume" => Request::Resume,
        "revoke" if read["all"] == true => Request::RevokeAll { named },
        "revoke" if read["previous"] == true => Request::RevokePrevious { named },
        "revoke" => Request::Revoke { version: id("version").expect("which one") },
        other => panic!("{other} is no order"),
    }
}

async fn ask(uri: Uri, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    static ADMIN: OnceLock<Router> = OnceLock::new();
    let mut request = HttpRequest::post(uri);
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let caller = Arc::new(Caller::from(Peer { name: "uid:0".into(), uid: Some(0) }));
    let request = request.extension(caller).body(Body::from(body)).expect("a request");
    let answer = ADMIN.get_or_init(admin).clone().oneshot(request).await.expect("it never fails");
    let status = answer.status();
    (status, to_bytes(answer.into_body(), 64 * 1024).await.expect("a body").to_vec())
}

fn admin() -> Router {
    // No file of ours, so that each entry is lost: what is searched writes nothing.
    let audit =
        AuditLog::open_or_lose(&Target::File("/dev/null".into())).expect("what is lost stops nothing");
    let running = || Running { config: "/etc/crossfade/config.yaml".into(), hash: "0".into() };
    let admin = Admin {
        operator: desk(),
        audit: Arc::new(audit),
        clock: Arc::new(STILL),
        running: Arc::new(running),
    };
    router(admin, Router::new())
}

/// Takes every order, and does nothing.
#[derive(Default)]
struct Desk(Mutex<Option<Request>>);

fn desk() -> Arc<Desk> {
    static DESK: OnceLock<Arc<Desk>> = OnceLock::new();
    Arc::clone(DESK.get_or_init(Arc::default))
}

#[async_trait]
impl Operator for Desk {
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        Ok(vec![status()])
    }

    async fn secret(&self, _: &str) -> Result<SecretStatus, OrderError> {
        Ok(status())
    }

    async fn order(&self, _: &str, request: Request) -> Result<OrderReport, OrderError> {
        *self.0.lock().expect("no panic") = Some(request);
        let order = OrderOutcome {
            version: CURRENT.into(),
            taken_ms: NOW_MS,
            ended: Vec::new(),
            changed: true,
            held_up: None,
        };
        Ok(OrderReport { secret: status(), order })
    }

    async fn preview(&self, _: &str, _: bool) -> Result<Preview, OrderError> {
        Ok(Preview { steps: Vec::new(), waits_for: None })
    }
}

fn status() -> SecretStatus {
    let version = |version: &str, stage: &str| VersionStatus {
        version: version.to_owned(),
        stage: stage.to_owned(),
        created_ms: NOW_MS,
        deadline_ms: None,
        ended: false,
        foreign: false,
        unread: false,
        no_token: false,
        last_used_ms: None,
        last_used_by: None,
        watched_since_ms: None,
    };
    SecretStatus {
        secret: "demo".into(),
        client_id: "bot".into(),
        audience: "mcp".into(),
        phase: Phase::Waiting,
        why: None,
        message: None,
        now_ms: Some(NOW_MS),
        view_age_ms: Some(0),
        versions: vec![version(CURRENT, "current"), version(PENDING, "pending")],
        schedule: None,
        next_slot_ms: None,
        overdue: false,
        promotes_ms: None,
        soak_ms: 0,
        verifiers: None,
    }
}
