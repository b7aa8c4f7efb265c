//! The policies of `deploy/iam` are enough, and no right in them is spare: everything that a daemon can be asked to
//! do is driven through the real SDK on the strict fake, which allows what the policy allows.

#[path = "aws/world/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the AWS store")]
mod world;

use std::{collections::BTreeSet, path::Path, time::Duration};

use crossfade::rotation::{
    plan::Request,
    policy::{Policy, StoreTraits, Terms},
    ring::VersionId,
};
use crossfade_testing_secretsmanager::{log::Call, model::Operation};
use serde_json::Value;
use world::{EVERY, NAME, World, policy};

const DAEMON: &str = "AKIDREPLICA0";

/// The one statement of a policy file.
fn statement(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam").join(file);
    let text = std::fs::read_to_string(path).expect("a policy");
    let policy: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(policy["Version"], "2012-10-17", "{file}");
    let statements = policy["Statement"].as_array().expect("statements");
    assert_eq!(statements.len(), 1, "{file}");
    assert_eq!(statements[0]["Effect"], "Allow", "{file}");
    statements[0].clone()
}

fn actions(file: &str) -> BTreeSet<String> {
    let actions = statement(file)["Action"].clone();
    let text = |value: &Value| value.as_str().expect("an action").to_owned();
    actions.as_array().map_or_else(|| [text(&actions)].into(), |list| list.iter().map(text).collect())
}

fn operations(files: &[&str]) -> Vec<Operation> {
    let all = files.iter().flat_map(|file| actions(file));
    all.map(|action| {
        let name = action.strip_prefix("secretsmanager:").expect("an action of Secrets Manager");
        Operation::named(name).expect("an operation")
    })
    .collect()
}

/// What the daemon called since the start.
fn calls(world: &World) -> Vec<Call> {
    let all = world.server.calls();
    all.into_iter().filter(|call| call.caller.as_deref() == Some(DAEMON)).collect()
}

fn is_exactly(world: &World, files: &[&str]) {
    let allowed: BTreeSet<String> = operations(files).iter().map(|o| o.name().to_owned()).collect();
    let calls = calls(world);
    let called: BTreeSet<String> = calls.iter().map(|call| call.operation.clone()).collect();
    let beyond: Vec<_> = called.difference(&allowed).collect();
    assert!(beyond.is_empty(), "{files:?} does not allow {beyond:?}");
    let spare: Vec<_> = allowed.difference(&called).collect();
    assert!(spare.is_empty(), "{files:?} allows {spare:?}, which nothing needs");
    let denied = |call: &&Call| format!("{:?}", call.answer).contains("AccessDenied");
    assert_eq!(calls.iter().find(denied), None, "{files:?} is not enough");
}

#[tokio::test]
async fn the_daemon_s_policy_is_enough_for_all_that_it_can_be_asked_to_do_and_has_no_right_to_spare() {
    let mut world = World::new().await;
    world.server.allow(DAEMON, &operations(&["daemon.json"]));
    world.run(Duration::from_secs(30)).await;
    whole_rotation(&mut world).await;
    abort(&mut world).await;
    pause_and_resume(&mut world).await;
    orphan(&mut world).await;
    emergencies(&mut world).await;
    is_exactly(&world, &["daemon.json"]);
}

/// To the last label of it.
async fn whole_rotation(world: &mut World) {
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.until("it is over", |labels| labels.len() == 1).await;
    assert_ne!(world.current(), current);
}

async fn abort(world: &mut World) {
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let pending = VersionId::of_name(&world.holder("AWSPENDING").expect("a pending version"));
    world.order(0, Request::Abort { named: Some(pending) }).await.expect("an abort");
    world.until("nothing is pending", |labels| !labels.contains_key("AWSPENDING")).await;
    assert_eq!(world.current(), current);
}

async fn pause_and_resume(world: &mut World) {
    world.order(0, Request::Pause).await.expect("a pause");
    world.run(Duration::from_secs(10)).await;
    world.order(0, Request::Resume).await.expect("an end of it");
}

/// A person replaces the current version twice while a successor is pending, and the daemon dies: where that
/// successor comes from is then to be found among the versions without labels.
async fn orphan(world: &mut World) {
    world.excused = true;
    world.until("nothing else is left", |labels| labels.len() <= 2).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    for n in [2, 3] {
        let version = format!("00000000-0000-4000-8000-00000000000{n}");
        let token = format!("a-token-that-a-person-put-there-{n}");
        world.server.person().put(NAME, &version, &token, &["AWSCURRENT"]).expect("a version");
    }
    world.crash(0);
    world.until("the orphan is dropped", |labels| !labels.contains_key("AWSPENDING")).await;
}

async fn emergencies(world: &mut World) {
    for revoke in [false, true] {
        let current = world.current();
        let demand = if revoke {
            Request::RevokeAll { named: Some(current) }
        } else {
            Request::Compromised { named: Some(current) }
        };
        world.order(0, demand).await.expect("an emergency");
        let old = current.to_string();
        world.until("it is replaced", |labels| labels["AWSCURRENT"] != old).await;
        world.run(Duration::from_secs(60)).await;
    }
}

#[tokio::test]
async fn the_right_to_create_is_a_file_of_its_own_and_is_enough_with_the_first() {
    let files = ["daemon.json", "daemon-create-missing.json"];
    let mut world = World::empty().await;
    let Terms { store, .. } = policy(EVERY).terms().clone();
    let terms = Terms { store: StoreTraits { creates: true, ..store }, ..policy(EVERY).terms().clone() };
    world.policy = Policy::new(terms).expect("a sound policy");
    world.add(0);
    world.server.allow(DAEMON, &operations(&files));
    world.run(Duration::from_secs(10)).await;
    assert!(world.holder("AWSCURRENT").is_some(), "it is made");
    let made: Vec<_> = calls(&world).iter().filter(|c| c.operation == "CreateSecret").cloned().collect();
    assert_eq!(made.len(), 1, "{made:#?}");

    let mut denied = World::empty().await;
    denied.policy = world.policy.clone();
    denied.add(0);
    denied.server.allow(DAEMON, &operations(&["daemon.json"]));
    denied.run(Duration::from_secs(10)).await;
    assert!(denied.server.secret(NAME).is_none(), "the first file alone creates nothing");
}

#[tokio::test]
async fn a_bot_s_policy_lets_it_read_the_token_and_nothing_else() {
    let world = World::new().await;
    world.server.allow("AKIDBOT", &operations(&["bot.json"]));
    let client = world::client(&world.server, "AKIDBOT");
    client.get_secret_value().secret_id(NAME).send().await.expect("the token");
    assert!(client.describe_secret().secret_id(NAME).send().await.is_err());
    let relabel = client.update_secret_version_stage().secret_id(NAME).version_stage("crossfade-x");
    assert!(relabel.move_to_version_id(world::FIRST).send().await.is_err());
    assert_eq!(actions("bot.json").len(), 1);
}

/// Secrets Manager's own rights name the calls; those on the key follow from them (AWS's user guide, "Secret
/// encryption and decryption in AWS Secrets Manager").
#[test]
fn the_key_s_rights_follow_from_the_calls_that_use_it() {
    let rights = |files: &[&str]| -> BTreeSet<String> {
        let calls = operations(files).into_iter().filter(|operation| operation.uses_key());
        let needs = calls.flat_map(|operation| match operation {
            Operation::GetSecretValue => &["kms:Decrypt"][..],
            _ => &["kms:GenerateDataKey", "kms:Decrypt"],
        });
        needs.map(|right| (*right).to_owned()).collect()
    };
    assert_eq!(actions("daemon-kms.json"), rights(&["daemon.json"]));
    assert_eq!(actions("daemon-kms.json"), rights(&["daemon.json", "daemon-create-missing.json"]));
    assert_eq!(actions("bot-kms.json"), rights(&["bot.json"]));
    for file in ["daemon-kms.json", "bot-kms.json"] {
        let via = &statement(file)["Condition"]["StringEquals"]["kms:ViaService"];
        assert_eq!(via, "secretsmanager.REGION.amazonaws.com", "{file}: only through Secrets Manager");
    }
}

#[test]
fn every_policy_names_one_resource_and_no_wildcard_among_its_actions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        assert!(actions(&file).iter().all(|action| !action.contains('*')), "{file}");
        let resource = statement(&file)["Resource"].as_str().expect("one resource").to_owned();
        // AWS adds a hyphen and six characters to a secret's name in its ARN.
        let secret = resource.ends_with(":secret:mcp/slack-bot-token-??????");
        assert!(secret || resource.ends_with(":key/KEY-ID"), "{file}: {resource}");
        assert!(!resource.contains('*'), "{file}");
        files += 1;
    }
    assert_eq!(files, 5);
}
