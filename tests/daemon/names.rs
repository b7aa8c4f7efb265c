//! What has several names, and is one thing all the same: versions and secrets.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use crossfade_testing_secretsmanager::log::Call;

use crate::{
    aws::{Aws, FIRST, TOKEN, aws, empty},
    process::{Daemon, call},
    world::{AUDIENCE, BOT, SECRET, World, until},
};

/// The fake's ARNs are of this region.
const STORE: &str = "{kind: aws, region: us-east-1, store_lag: 0s, write_lag: 0s}";
const OTHER: &str = "00000000-0000-4000-8000-000000000002";

/// A folder whose config calls its secret so.
fn named(aws: &Aws, name: &str, store: &str) -> World {
    let secrets =
        format!("  - {{name: \"{name}\", client_id: slack-bot, audience: {AUDIENCE}, grace: 5m}}\n");
    let environment = vec![
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.server.endpoint()),
        ("AWS_ACCESS_KEY_ID", "AKID".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    let world = World::on_a_store(store, &secrets, environment);
    if !name.contains(SECRET) {
        // The bot's list has to name a secret of the config.
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        let listed = config.replace(&format!("[{SECRET}]"), &format!("[\"{name}\"]"));
        fs::write(world.path("config.yaml"), listed).expect("a write");
    }
    world
}

fn arn(aws: &Aws) -> String {
    aws.server.secret(SECRET).expect("the secret").arn().to_owned()
}

fn stage_of(world: &World, version: &str) -> Option<String> {
    let status = world.status();
    let versions = status["versions"].as_array().expect("versions").clone();
    let ours = versions.iter().find(|found| found["version"] == version && found["ended"] == false)?;
    ours["stage"].as_str().map(str::to_owned)
}

/// An order to the admin API. The status, and what it says.
fn order(world: &World, secret: &str, verb: &str, body: &str) -> (u16, String) {
    let mut socket = UnixStream::connect(world.path("data/crossfade.sock")).expect("a daemon");
    let path = format!("/v1/admin/secrets/{}/{verb}", secret.replace('/', "%2F"));
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: c\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), answer)
}

#[test]
fn a_version_is_named_by_the_beginning_of_its_id_with_a_daemon_and_without() {
    for with_daemon in [true, false] {
        let world = World::new("5m");
        let daemon = with_daemon.then(|| world.start());
        world.ok(&["rotate", "--due"]);
        let first = world.current();
        let said = world.ok(&["rotate", SECRET, "--wait", "--if-current", &first[..8]]);
        assert!(said.contains("is current"), "{said}");
        let second = world.current();
        assert_ne!(first, second);
        let said = world.ok(&["rotate", SECRET, "--if-current", &first[..13].to_uppercase()]);
        assert!(said.contains("nothing to do") && said.contains(&second), "{said}");
        world.fails(2, &["revoke", SECRET, "--yes", "--version", &first[..7]]);
        world.fails(2, &["revoke", SECRET, "--yes", "--version", "not-a-version"]);
        let unknown = if first.starts_with("00000000") { "11111111" } else { "00000000" };
        let said = world.fails(1, &["revoke", SECRET, "--yes", "--version", unknown]);
        assert!(said.contains(&first) && said.contains(&second), "it says which there are: {said}");
        assert_eq!(stage_of(&world, &first).as_deref(), Some("previous"));
        world.ok(&["revoke", SECRET, "--yes", "--version", &first[..8]]);
        assert_eq!(stage_of(&world, &first), None, "with a daemon: {with_daemon}");
        drop(daemon);
    }
}

#[test]
fn the_beginning_of_two_versions_names_neither_of_them() {
    let aws = aws();
    let world = named(&aws, SECRET, STORE);
    let _daemon = world.start();
    aws.server.person().put(SECRET, OTHER, "another-token-that-they-made", &[]).expect("a put");
    until("it has seen both", || stage_of(&world, FIRST).filter(|stage| stage == "previous"));
    for order in [
        vec!["revoke", SECRET, "--yes", "--version", "00000000"],
        vec!["rotate", SECRET, "--if-current", "00000000-0000-4000"],
    ] {
        let said = world.fails(1, &order);
        assert!(said.contains(FIRST) && said.contains(OTHER), "{said}");
    }
    for (verb, body) in [("revoke", r#"{"version": "00000000"}"#), ("rotate", r#"{"current": "00000000"}"#)] {
        let (status, said) = order(&world, SECRET, verb, body);
        assert_eq!(status, 409, "{said}");
        assert!(said.contains(FIRST) && said.contains(OTHER), "{said}");
    }
    assert_eq!(stage_of(&world, FIRST).as_deref(), Some("previous"));
    assert_eq!(order(&world, SECRET, "revoke", r#"{"version": "0000"}"#).0, 400);
    let (status, said) = order(&world, SECRET, "revoke", &format!(r#"{{"version": "{}"}}"#, &FIRST[..36]));
    assert_eq!(status, 200, "{said}");
}

#[test]
fn the_admin_api_takes_the_beginning_of_an_id() {
    let world = World::new("5m");
    let _daemon = world.start();
    let first = world.current();
    let (status, said) = order(&world, SECRET, "rotate", &format!(r#"{{"current": "{}"}}"#, &first[..8]));
    assert_eq!(status, 200, "{said}");
    world.ok(&["rotate", SECRET, "--wait"]);
    until("the first is previous", || stage_of(&world, &first).filter(|stage| stage == "previous"));
    let (status, said) = order(&world, SECRET, "revoke", &format!(r#"{{"version": "{}"}}"#, &first[..12]));
    assert_eq!((status, stage_of(&world, &first)), (200, None), "{said}");
}

#[test]
fn a_version_that_somebody_else_has_named_is_named_as_they_did() {
    let aws = aws();
    let world = named(&aws, SECRET, STORE);
    let _daemon = world.start();
    let theirs = "terraform-20261130-00000000000000000001";
    aws.server.person().put(SECRET, theirs, "another-token-that-they-made", &[]).expect("a put");
    until("it has seen that", || stage_of(&world, FIRST).filter(|stage| stage == "previous"));
    world.ok(&["rotate", SECRET, "--wait"]);
    world.ok(&["revoke", SECRET, "--yes", "--version", theirs]);
    let marked = aws.server.secret(SECRET).expect("the secret").labels().clone();
    let ended = marked.iter().any(|(label, on)| label.starts_with("crossfade-ended-") && on == theirs);
    assert!(ended, "{marked:?}");
}

#[test]
fn a_secret_is_one_by_its_name_its_arn_and_its_arn_without_the_end() {
    let aws = aws();
    let whole = arn(&aws);
    let partial = whole[..whole.len() - 7].to_owned();
    for (config, with_daemon) in [(SECRET, true), (&*whole, true), (&*partial, true), (&*whole, false)] {
        // The bot's list calls it by its name, whatever `secrets` calls it.
        let world = named(&aws, config, STORE);
        let daemon = with_daemon.then(|| world.start());
        for name in [SECRET, &whole, &partial] {
            let now = world.ok(&["token", name]).trim().to_owned();
            assert!(now.len() >= 16, "{config} as {name}");
            world.ok(&["status", name]);
            let plan = world.run(&["rotate", name, "--dry-run"]);
            assert!(String::from_utf8_lossy(&plan.stdout).contains("what a rotation would do"), "{plan:?}");
            world.ok(&["pause", name]);
            world.ok(&["resume", name]);
            world.ok(&["rotate", name, "--wait"]);
            assert_ne!(world.ok(&["token", name]).trim(), now, "{config} as {name}");
            if daemon.is_some() {
                let bearer = format!("Bearer {BOT}");
                let path = format!("/v1/token?secret={name}");
                let answer = call(world.listen, "GET", &path, &[("Authorization", &bearer)], "");
                assert_eq!(answer.expect("an answer").status, 200, "{config} as {name}");
            }
        }
        let said = world.fails(1, &["token", "mcp/slack-bot"]);
        assert!(said.contains("no secret named"), "{said}");
        drop(daemon);
    }
}

#[test]
fn the_embedded_store_knows_no_arn() {
    let world = World::new("4s");
    let _daemon = world.start();
    let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET}");
    for order in [["token", &*arn], ["status", &*arn], ["pause", &*arn]] {
        assert!(world.fails(1, &order).contains("no secret named"), "{order:?}");
    }
}

/// Whether a process of ours has tried to make a secret or a version.
fn wrote(aws: &Aws) -> bool {
    let ours = |call: &Call| call.caller.as_deref() == Some("AKID");
    aws.server
        .calls()
        .iter()
        .any(|call| ours(call) && (call.operation == "CreateSecret" || call.operation == "PutSecretValue"))
}

/// What a daemon and `check --live` say of a secret that AWS does not find by that name.
fn said_of(aws: &Aws, name: &str, store: &str) -> (World, Daemon, String) {
    let world = named(aws, name, store);
    let said = world.run(&["check", "--live"]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let mut text = String::from_utf8_lossy(&said.stdout).into_owned();
    let daemon = Daemon::start(world.command("serve").arg("--log-format").arg("text"));
    until("it is parked", || daemon.log().contains("parked: ").then_some(()));
    text.push_str(world.status_of(name)["message"].as_str().unwrap_or_default());
    assert!(!text.contains("--name arn:"), "AWS refuses that: {text}");
    (world, daemon, text)
}

#[test]
fn an_arn_that_aws_does_not_find_leads_to_no_advice_that_aws_refuses() {
    let aws = empty();
    aws.server.person().create("mcp/slack-search", FIRST, TOKEN).expect("a secret");
    let place = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
    for store in [STORE.to_owned(), STORE.replace("store_lag", "create_missing: true, store_lag")] {
        for name in ["mcp/none-AbCdEf", "mcp/none", "mcp/slack-search"] {
            let (_world, _daemon, said) = said_of(&aws, &format!("{place}{name}"), &store);
            assert!(said.contains(name), "{said}");
        }
    }
    let (.., said) = said_of(&aws, &format!("{place}mcp/slack-search"), STORE);
    assert!(said.contains("six characters"), "{said}");
    assert!(!wrote(&aws), "nobody tried to create an ARN");
    let world = named(&aws, "mcp/slack-search", STORE);
    assert_eq!(world.ok(&["token", "mcp/slack-search"]).trim(), TOKEN, "by its name it is found");
}

#[test]
fn an_arn_of_another_region_is_said_as_such() {
    let aws = aws();
    let elsewhere = arn(&aws).replace("us-east-1", "eu-west-1");
    let mut world = named(&aws, &elsewhere, "{kind: aws, store_lag: 0s, write_lag: 0s}");
    world.set("AWS_REGION", "us-east-1");
    let said = world.fails(1, &["token", SECRET]);
    assert!(
        said.contains("eu-west-1") && said.contains("us-east-1") && said.contains("store.region"),
        "{said}"
    );
    let said = world.run(&["check", "--live"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("store.region") && !said.contains("create-secret"), "{said}");
    assert!(!wrote(&aws));
}

#[test]
fn check_warns_of_a_name_that_ends_as_arns_do() {
    let aws = empty();
    for (name, warned) in [
        ("mcp/slack-search", true),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:mcp/slack-search-AbCdEf", true),
        ("mcp/slack-bot-token", false),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:mcp/slack-bot-token-AbCdEf", false),
    ] {
        let world = named(&aws, name, STORE);
        let said = world.ok(&["check"]);
        assert_eq!(said.contains("six characters"), warned, "{name}: {said}");
    }
}
