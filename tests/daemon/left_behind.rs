//! A daemon starts on what an earlier release has left behind: `tests/fixtures` says how it was made.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crossfade_testing_secretsmanager::{Clock, Fake, Server};
use serde::Deserialize;

use crate::world::{AUDIENCE, SECRET, World, until};

fn left_behind(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0").join(name)
}

fn tokens(name: &str) -> BTreeMap<String, String> {
    serde_json::from_slice(&fs::read(left_behind(name)).expect("tokens")).expect("tokens")
}

fn secrets() -> String {
    let secret = |name: &str, bot: &str| {
        format!("  - {{name: {name}, client_id: {bot}, audience: {AUDIENCE}, grace: 9600h}}\n")
    };
    [secret(SECRET, "slack-bot"), secret("mcp/paused", "paused-bot"), secret("mcp/leaked", "leaked-bot")]
        .concat()
}

fn phase(world: &World, name: &str) -> String {
    let said = world.run(&["status", name, "-o", "json"]);
    let all: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    all[0]["phase"].as_str().expect("a phase").to_owned()
}

/// What holds in every year: nothing is asked about the deadlines, which the embedded store's own tests read.
fn goes_on(world: &World, tokens: &BTreeMap<String, String>) {
    let stage = |name: &str| world.stage(&tokens[name]);
    assert!(
        matches!(stage("current").as_deref(), Some("current" | "previous")),
        "its successor may be current"
    );
    assert_eq!(stage("ended"), None);
    assert_eq!(stage("paused").as_deref(), Some("current"));
    assert_eq!(phase(world, "mcp/paused"), "paused");
    until("the leaked token's replacement is current, and that token ended", || {
        stage("leaked").is_none().then_some(())
    });
    until("the pending version is current", || {
        (stage("current").as_deref() == Some("previous")).then_some(())
    });
    world.ok(&["rotate", SECRET, "--wait"]);
    assert_eq!(stage("current").as_deref(), Some("previous"), "it has a grace of its own");
}

#[test]
fn a_daemon_goes_on_with_the_database_and_the_audit_log_of_0_1_0() {
    let world = World::with_secrets(&secrets());
    DirBuilder::new().mode(0o700).create(world.path("data")).expect("a folder");
    for name in ["crossfade.db", "key", "audit.jsonl"] {
        let path = world.path("data").join(name);
        fs::copy(left_behind(name), &path).expect("a copy");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("a mode");
    }
    let before = world.ok(&["audit", "verify", "data/audit.jsonl"]);
    assert!(before.contains("entries: 24,"), "{before}");
    let daemon = world.start();
    goes_on(&world, &tokens("tokens.json"));
    drop(daemon);
    let after = fs::read_to_string(world.path("data/audit.jsonl")).expect("the log");
    assert!(after.starts_with(&fs::read_to_string(left_behind("audit.jsonl")).expect("the log")));
    assert!(world.ok(&["audit", "verify", "data/audit.jsonl"]).contains("the chain holds"), "one chain");
}

/// What Secrets Manager held, and when. The secrets stand in the order in which they were made, since the fake gives ARNs in
/// that order, and ids derive from ARNs.
#[derive(Deserialize)]
struct Held {
    now_ms: u64,
    secrets: Vec<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    name: String,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    created_ms: u64,
    value: String,
    labels: Vec<String>,
}

/// The fake with that, at the time at which it was so.
async fn holding(held: &Held) -> Server {
    let server = Fake::new(Clock::system()).serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let person = server.person();
    for Kept { name, versions } in &held.secrets {
        for (n, version) in versions.iter().enumerate() {
            server.set_clock(version.created_ms);
            let Version { id, value, .. } = version;
            let made =
                if n == 0 { person.create(name, id, value) } else { person.put(name, id, value, &["made"]) };
            made.expect("a version");
        }
        let labels = |of: fn(&str) -> bool| {
            versions
                .iter()
                .flat_map(move |v| v.labels.iter().filter(move |l| of(l)).map(|l| (l.clone(), v.id.clone())))
        };
        // Where AWSCURRENT moves, AWSPREVIOUS does too.
        for (label, id) in labels(|label| label == "AWSCURRENT").chain(labels(|label| label != "AWSCURRENT"))
        {
            let stands = server.secret(name).expect("the secret").labels().get(&label).cloned();
            if stands.as_ref() != Some(&id) {
                person.label(name, &label, Some(&id), stands.as_deref()).expect("a label");
            }
        }
        let wanted: BTreeMap<_, _> = labels(|_| true).collect();
        for (label, id) in server.secret(name).expect("the secret").labels() {
            if !wanted.contains_key(label) {
                person.label(name, label, None, Some(id)).expect("it comes off");
            }
        }
        assert_eq!(server.secret(name).expect("the secret").labels(), &wanted, "{name}");
    }
    server.set_clock(held.now_ms);
    server
}

#[test]
fn a_daemon_goes_on_with_the_labels_of_0_1_0() {
    let held: Held =
        serde_json::from_slice(&fs::read(left_behind("secretsmanager.json")).expect("it is there"))
            .expect("it is as it was written");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let server = runtime.block_on(holding(&held));
    let world = World::on_aws(&server.endpoint(), "AKIDREPLICA0", &secrets());
    let _daemon = world.start();
    goes_on(&world, &tokens("secretsmanager-tokens.json"));
}
