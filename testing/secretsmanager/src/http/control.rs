//! The knobs over HTTP, for tests in other processes and other languages. A person's other edits are
//! calls of AWS's protocol, with another access key. Nothing here asks for a signature.
//!
//! | request | body or reply |
//! |---|---|
//! | `POST /_fake/faults` | a [`Rule`] → `{"id": 1}` |
//! | `GET /_fake/faults` | → `{"left": 1, "writes_under_way": 0}` |
//! | `DELETE /_fake/faults`, `DELETE /_fake/faults/{id}` | |
//! | `GET /_fake/clock` | → `{"now_ms": 1}` |
//! | `POST /_fake/clock` | `{"set_ms": 1}` or `{"advance_ms": 1}` → `{"now_ms": 1}` |
//! | `GET /_fake/calls`, `DELETE /_fake/calls` | → the log |
//! | `GET /_fake/changes` | → the labels after each write |
//! | `POST /_fake/allow` | `{"access_key": "…", "actions": ["GetSecretValue"]}` |
//! | `POST /_fake/native` | `{"secret": "…", "rotation_enabled": true, "owning_service": "…", "type": "…"}`; `""` for none |
//! | `POST /_fake/replication` | `{"secret": "…", "primary_region": "…"}` or `{"secret": "…", "replicas": {"eu-west-1": "InSync"}}` |

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Fake,
    faults::Rule,
    log::{Call, Change},
    model::Operation,
};

type Answer = Result<Json<Value>, (StatusCode, String)>;

pub(super) fn router() -> Router<Fake> {
    Router::new()
        .route("/faults", post(add_fault).get(faults).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/clock", get(clock).post(move_clock))
        .route("/calls", get(calls).delete(clear_calls))
        .route("/changes", get(changes))
        .route("/allow", post(allow))
        .route("/native", post(native))
        .route("/replication", post(replication))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Move {
    SetMs(u64),
    AdvanceMs(u64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    access_key: String,
    actions: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Native {
    secret: String,
    rotation_enabled: Option<bool>,
    owning_service: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replication {
    secret: String,
    primary_region: Option<String>,
    #[serde(default)]
    replicas: BTreeMap<String, String>,
}

async fn add_fault(State(fake): State<Fake>, body: Bytes) -> Answer {
    let rule: Rule = read(&body)?;
    Ok(Json(json!({ "id": fake.fault(rule) })))
}

async fn faults(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({ "left": fake.faults_left(), "writes_under_way": fake.writes_under_way() }))
}

async fn clear_faults(State(fake): State<Fake>) {
    fake.clear_faults();
}

async fn remove_fault(State(fake): State<Fake>, Path(id): Path<u64>) {
    fake.remove_fault(id);
}

async fn clock(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({ "now_ms": fake.now_ms() }))
}

async fn move_clock(State(fake): State<Fake>, body: Bytes) -> Answer {
    match read(&body)? {
        Move::SetMs(to_ms) => fake.set_clock(to_ms),
        Move::AdvanceMs(by_ms) => fake.advance(Duration::from_millis(by_ms)),
    }
    Ok(clock(State(fake)).await)
}

async fn calls(State(fake): State<Fake>) -> Json<Vec<Call>> {
    Json(fake.calls())
}

async fn clear_calls(State(fake): State<Fake>) {
    fake.clear_calls();
}

async fn changes(State(fake): State<Fake>) -> Json<Vec<Change>> {
    Json(fake.changes())
}

async fn allow(State(fake): State<Fake>, body: Bytes) -> Answer {
    let policy: Policy = read(&body)?;
    fake.allow(&policy.access_key, &policy.actions);
    Ok(Json(json!({})))
}

async fn native(State(fake): State<Fake>, body: Bytes) -> Answer {
    let refused = |error: crate::model::Error| (StatusCode::CONFLICT, error.to_string());
    let native: Native = read(&body)?;
    let person = fake.person();
    if let Some(on) = native.rotation_enabled {
        person.set_rotation_enabled(&native.secret, on).map_err(refused)?;
    }
    if let Some(by) = native.owning_service.as_deref() {
        person.set_owning_service(&native.secret, Some(by).filter(|by| !by.is_empty())).map_err(refused)?;
    }
    if let Some(kind) = native.kind.as_deref() {
        person.set_type(&native.secret, Some(kind).filter(|kind| !kind.is_empty())).map_err(refused)?;
    }
    Ok(Json(json!({})))
}

async fn replication(State(fake): State<Fake>, body: Bytes) -> Answer {
    let Replication { secret, primary_region, replicas } = read(&body)?;
    let replicas: Vec<_> =
        replicas.iter().map(|(region, status)| (region.as_str(), status.as_str())).collect();
    let person = fake.person();
    let done = match primary_region.as_deref() {
        Some(region) => person.set_primary_region(&secret, Some(region)),
        None => person.set_replicas(&secret, &replicas),
    };
    done.map_err(|error| (StatusCode::CONFLICT, error.to_string()))?;
    Ok(Json(json!({})))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}
