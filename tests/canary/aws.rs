//! The same on AWS: the real SDK and its connector at TRACE, on the strict fake, with every kind of error.

use std::{fs, process::Command, time::Duration};

use crossfade_testing_secretsmanager::{
    Clock, Fake, Server,
    faults::{Effect, Failure, Rule},
    model::Operation,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    process::{Daemon, call},
    search::{Haystack, files, search},
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

const SECRET_KEY: &str = "AwsSecretKeyForTheCanaryThatOpensNothing";
const SESSION: &str = "AwsSessionTokenForTheCanaryThatOpensNothing";
/// What a person puts there by mistake.
const UNUSABLE: &str = "a-token-in-an-object-under-plain";
/// Whatever is asked for, by every name.
const LOUD: &str =
    "trace,aws_smithy_runtime=trace,aws_sigv4=trace,hyper=trace,hyper_util=trace,h2=trace,rustls=trace";

struct Scene {
    world: World,
    endpoint: String,
    haystack: Haystack,
}

impl Scene {
    fn command(&self, verb: &str) -> Command {
        let mut command = self.world.command(verb);
        command
            .env("CROSSFADE_LOG", LOUD)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIDCANARY").env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command.env("AWS_SESSION_TOKEN", SESSION).env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn run(&mut self, arguments: &[&str]) {
        let output = self.command(arguments[0]).args(&arguments[1..]).output().expect("it starts");
        self.haystack.push((format!("stderr of {arguments:?}"), output.stderr));
        if arguments[0] != "token" {
            self.haystack.push((format!("stdout of {arguments:?}"), output.stdout));
        }
    }

    fn serve(&self) -> Daemon {
        Daemon::start(&mut self.command("serve"))
    }

    fn see(&mut self, place: &str, daemon: &Daemon) {
        let metrics = call(self.world.metrics, "GET", "/metrics", &[], "").expect("metrics");
        self.haystack.push((format!("/metrics, {place}"), metrics.body.into()));
        self.haystack.push((format!("the daemon's log, {place}"), daemon.log().into()));
    }
}

fn start() -> (Runtime, Server, Scene) {
    let runtime = Runtime::new().expect("a runtime");
    let fake = Fake::new(Clock::system());
    let server = runtime.block_on(fake.serve(([127, 0, 0, 1], 0).into())).expect("a free port");
    let world = World::new("30s");
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    let aws = "store: {kind: aws, create_missing: true, store_lag: 1s, write_lag: 2s}";
    fs::write(world.path("config.yaml"), config.replace("store: {kind: embedded}", aws)).expect("a write");
    let endpoint = server.endpoint();
    (runtime, server, Scene { world, endpoint, haystack: Haystack::new() })
}

fn tokens(server: &Server) -> Vec<String> {
    let secret = server.secret(SECRET).expect("the secret");
    secret.versions().iter().filter_map(|version| Some(version.text()?.to_owned())).collect()
}

/// Each operation fails in each way, once, in the order in which they come.
fn trouble(server: &Server) {
    let operations = [
        Operation::DescribeSecret,
        Operation::GetSecretValue,
        Operation::PutSecretValue,
        Operation::UpdateSecretVersionStage,
    ];
    for operation in operations {
        for effect in [
            Effect::FailBefore(Failure::Throttling),
            Effect::FailBefore(Failure::Key),
            Effect::FailBefore(Failure::AccessDenied),
            Effect::LostReply,
        ] {
            server.fault(Rule::once(effect).on(operation));
        }
    }
}

#[test]
fn no_token_and_no_key_of_aws_stands_in_any_output_of_a_daemon_on_aws() {
    let (runtime, server, mut scene) = start();
    let mut daemon = scene.serve();
    until("the first token", || server.secret(SECRET).filter(|secret| !secret.versions().is_empty()));
    until("the daemon is ready", || {
        call(scene.world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
    });
    for order in [
        &["rotate", SECRET, "--wait"][..],
        &["check", "--live"],
        &["status"],
        &["status", "-o", "json"],
        &["rotate", SECRET, "--dry-run"],
        &["token", SECRET],
        &["rotate", SECRET, "--compromised", "--wait"],
    ] {
        scene.run(order);
    }
    let ask = |path: &str, credential: &str| {
        call(scene.world.listen, "GET", path, &[("Authorization", &format!("Bearer {credential}"))], "")
    };
    let answer = ask(&format!("/v1/token?secret={SECRET}"), BOT).expect("an answer").json();
    let handed_out = answer["token"].as_str().expect("a token").to_owned();
    assert!(tokens(&server).contains(&handed_out));
    assert!(scene.world.stage(&handed_out).is_some());

    trouble(&server);
    until("many faults have befallen calls", || {
        scene.run(&["rotate", SECRET, "--wait", "--timeout", "3"]);
        scene.run(&["revoke", SECRET, "--all", "--yes"]);
        let befallen = server.calls().iter().filter(|call| call.fault.is_some()).count();
        (befallen >= 10).then_some(())
    });
    server.clear_faults();
    scene.see("after trouble", &daemon);

    let object = format!("{{\"token\":\"{UNUSABLE}\"}}");
    let person = server.person();
    person.put(SECRET, "00000000-0000-4000-8000-000000000009", &object, &["AWSCURRENT"]).expect("a version");
    until("the unusable value is noticed", || daemon.log().contains("format: json").then_some(()));
    for command in [&["status"][..], &["check", "--live"], &["token", SECRET]] {
        scene.run(command);
    }
    let made = tokens(&server);
    drop(server);
    runtime.shutdown_timeout(Duration::from_secs(1));
    until("AWS is seen to be gone", || daemon.log().contains("can't be reached").then_some(()));
    scene.see("without AWS", &daemon);
    daemon.signal("-TERM");
    daemon.exit();
    for command in [&["status"][..], &["token", SECRET], &["check", "--live"], &["rotate", "--due"]] {
        scene.run(command);
    }
    scene.run(&["verify", "--audience", AUDIENCE]);
    files(scene.world.folder.path(), &mut scene.haystack);

    assert!(made.len() >= 5 && made.iter().any(|value| value.contains(UNUSABLE)), "{}", made.len());
    assert!(scene.haystack.iter().any(|(place, _)| place.ends_with("audit.jsonl")));
    let mut secrets = vec![SECRET_KEY.to_owned(), SESSION.to_owned(), UNUSABLE.to_owned()];
    secrets.extend([VERIFIER.to_owned(), BOT.to_owned()]);
    // What a check puts there is no token.
    secrets.extend(made.into_iter().filter(|value| value.starts_with("mcp_")));
    assert!(secrets.len() >= 8, "{}", secrets.len());
    let found = search(&secrets, &scene.haystack);
    assert!(found.is_empty(), "{}", found.join("\n"));
    quiet(&daemon.log());
}

/// The filter is on, and yet nobody else tells details.
fn quiet(log: &str) {
    assert!(log.contains("job_scheduler"), "nothing was logged beyond the default: the filter is not on");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.len() > 20, "{log}");
    let ours = |target: &str| target.starts_with("crossfade") || target.starts_with("tokio_cron_scheduler");
    for line in lines.iter().filter(|line| matches!(line["level"].as_str(), Some("DEBUG" | "TRACE"))) {
        assert!(ours(line["target"].as_str().unwrap_or_default()), "{line}");
    }
}
