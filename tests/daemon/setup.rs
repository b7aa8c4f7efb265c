//! What the environment says of AWS, where it is wrong, incomplete, or would carry a token past where it may go.

use crossfade_testing_secretsmanager::model::Operation;

use crate::{
    aws::{Aws, TOKEN, aws},
    givers::Giver,
    process::Daemon,
    world::{AUDIENCE, SECRET, World, until},
};

/// What `check --live` says where AWS can't be asked at all.
fn cannot_ask(world: &World, what: &str) -> String {
    let output = world.run(&["check", "--live"]);
    let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
    assert_eq!(output.status.code(), Some(2), "{what}: {said}");
    assert!(!said.contains("try again") && !said.contains("Request {"), "{what}: {said}");
    assert_eq!(said.matches("error: ").count(), 1, "{what}: {said}");
    said
}

/// What a daemon says of its secret in the same place.
fn parked(world: &World, what: &str) -> String {
    let daemon = Daemon::start(world.command("serve").arg("--log-format").arg("text"));
    until("it has looked", || daemon.log().contains("parked: ").then_some(()));
    let status = world.status();
    assert_eq!(status["phase"], "parked", "{what}: {status}");
    let said = status["message"].as_str().unwrap_or_default().to_owned();
    assert!(!said.contains("try again"), "{what}: {said}");
    assert!(!daemon.log().contains("panicked") && !daemon.log().contains("Request {"), "{}", daemon.log());
    said
}

/// Without a profile, a region or a role of the machine's own.
fn bare(aws: &Aws, store: &str) -> World {
    let secrets = format!("  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 5s}}\n");
    let mut world = World::on_a_store(store, &secrets, Vec::new());
    let home = world.folder.path().display().to_string();
    world.set("HOME", &home);
    for (name, file) in [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "aws-config")] {
        world.set(name, format!("{home}/{file}"));
    }
    world.set("AWS_EC2_METADATA_DISABLED", "true");
    world.set("AWS_ACCESS_KEY_ID", "AKID");
    world.set("AWS_SECRET_ACCESS_KEY", "none");
    world.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.server.endpoint());
    world
}

const STORE: &str = "{kind: aws, region: eu-west-1, store_lag: 0s, write_lag: 0s}";

#[test]
fn no_region_is_said_with_what_to_set() {
    let aws = aws();
    let mut world = bare(&aws, "{kind: aws, store_lag: 0s, write_lag: 0s}");
    for said in [cannot_ask(&world, "no region"), parked(&world, "no region")] {
        assert!(said.contains("store.region") && said.contains("AWS_REGION"), "{said}");
    }
    world.set("AWS_REGION", "eu-west-1");
    assert_eq!(world.token(), TOKEN);
}

#[test]
fn no_credentials_are_said_with_what_to_set_and_why_the_profile_has_none() {
    let aws = aws();
    let mut world = bare(&aws, STORE);
    world.unset("AWS_ACCESS_KEY_ID");
    for said in [cannot_ask(&world, "no credentials"), parked(&world, "no credentials")] {
        assert!(said.contains("AWS_ACCESS_KEY_ID") && said.contains("AWS_PROFILE"), "{said}");
    }
    std::fs::write(world.path("aws-config"), "[profile other]\nregion = eu-west-1\n").expect("a write");
    world.set("AWS_PROFILE", "nobody-s");
    let said = cannot_ask(&world, "no such profile");
    assert!(said.contains("nobody-s"), "{said}");
}

#[test]
fn an_endpoint_without_a_scheme_is_said_with_what_to_set_whoever_s_it_is() {
    let aws = aws();
    let mut world = bare(&aws, STORE);
    let bare_address = aws.server.endpoint().replace("http://", "");
    for (name, url) in [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", bare_address.as_str()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager.internal"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "/path"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "ftp://127.0.0.1"),
        ("AWS_ENDPOINT_URL_STS", "sts.internal"),
        ("AWS_ENDPOINT_URL", "internal"),
    ] {
        let before = aws.server.endpoint();
        world.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", before);
        world.set(name, url);
        let said = cannot_ask(&world, url);
        assert!(said.contains(name) && said.contains("https://"), "{name}={url}: {said}");
        assert!(parked(&world, url).contains(name), "{name}={url}");
        world.unset(name);
    }
}

/// A value from a file often ends in a line feed.
#[test]
fn no_variable_that_holds_a_line_feed_brings_anything_down() {
    let aws = aws();
    for (name, value, is_named) in [
        ("AWS_ACCESS_KEY_ID", "AKID\n", true),
        ("AWS_ACCESS_KEY_ID", "AK\u{e9}ID", true),
        ("AWS_SECRET_ACCESS_KEY", "none\n", true),
        // The SDK's own provider takes blanks off its ends.
        ("AWS_SESSION_TOKEN", "some\n", false),
        ("AWS_SESSION_TOKEN", "so me", true),
        ("AWS_REGION", "eu-west-1\n", true),
        ("AWS_REGION", "eu west", true),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9\n", true),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9\n", true),
        ("AWS_DEFAULT_REGION", "eu-west-1\n", false),
        ("AWS_PROFILE", "a\n", false),
        ("AWS_SDK_UA_APP_ID", "a\n", false),
        ("AWS_EXECUTION_ENV", "a\n", false),
        ("AWS_LAMBDA_FUNCTION_NAME", "a\n", false),
        ("_X_AMZN_TRACE_ID", "a\n", false),
        ("AWS_MAX_ATTEMPTS", "3\n", false),
        ("AWS_RETRY_MODE", "standard\n", false),
        ("AWS_USE_FIPS_ENDPOINT", "true\n", false),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true\n", false),
        ("AWS_DISABLE_REQUEST_COMPRESSION", "true\n", false),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "1\n", false),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false\n", false),
        ("AWS_ACCOUNT_ID", "123456789012\n", false),
        ("HTTP_PROXY", "http://127.0.0.1:9\n", false),
        ("HTTPS_PROXY", "\n", false),
        ("NO_PROXY", "\n", false),
    ] {
        let mut world = bare(&aws, "{kind: aws, store_lag: 0s, write_lag: 0s}");
        world.set("AWS_REGION", "eu-west-1");
        if name == "AWS_ENDPOINT_URL" {
            world.unset("AWS_ENDPOINT_URL_SECRETS_MANAGER");
        }
        world.set(name, value);
        let what = format!("{name}={value:?}");
        if is_named {
            assert!(cannot_ask(&world, &what).contains(name), "{what}");
            assert!(parked(&world, &what).contains(name), "{what}");
        } else {
            let output = world.run(&["check", "--live"]);
            let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
            assert!(output.status.code().is_some_and(|code| code <= 2), "{what}: {said}");
            assert!(!said.contains("panicked"), "{what}: {said}");
        }
    }
}

/// Those that are asked for credentials, too: what they are shown and what they give is as good as a token.
#[test]
fn plain_http_goes_through_no_proxy() {
    let aws = aws();
    let proxy = Giver::start(|_| String::new());
    let (sts, agent) = (Giver::of("AKIDWEB"), Giver::of("AKIDAGENT"));
    for upper in [true, false] {
        let mut world = bare(&aws, STORE);
        for (name, lower) in [("HTTP_PROXY", "http_proxy"), ("ALL_PROXY", "all_proxy")] {
            world.set(if upper { name } else { lower }, proxy.url());
        }
        assert_eq!(world.token(), TOKEN);
        world.unset("AWS_ACCESS_KEY_ID");
        world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", agent.url()));
        assert_eq!(world.token(), TOKEN);
        assert_eq!(
            aws.server.calls().last().and_then(|call| call.caller.clone()).as_deref(),
            Some("AKIDAGENT")
        );
        std::fs::write(world.path("identity"), "a.web.identity").expect("a write");
        world.set("AWS_ENDPOINT_URL_STS", sts.url());
        world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/crossfade");
        world.set("AWS_WEB_IDENTITY_TOKEN_FILE", world.path("identity").display().to_string());
        assert_eq!(world.token(), TOKEN);
        assert_eq!(
            aws.server.calls().last().and_then(|call| call.caller.clone()).as_deref(),
            Some("AKIDWEB")
        );
    }
    assert_eq!(proxy.lines(), [""; 0]);
}

#[test]
fn https_goes_through_the_proxy_as_a_tunnel() {
    let aws = aws();
    let proxy = Giver::start(|_| String::new());
    let mut world = bare(&aws, STORE);
    world.set("HTTPS_PROXY", proxy.url());
    world.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secretsmanager.example.com");
    world.fails(1, &["token", SECRET]);
    let lines = proxy.lines();
    let tunnels = |line: &String| line.starts_with("CONNECT secretsmanager.example.com:443");
    assert!(!lines.is_empty() && lines.iter().all(tunnels), "{lines:?}");
}

#[test]
fn what_is_shown_for_credentials_does_not_leave_the_machine_in_clear_either() {
    let aws = aws();
    let mut world = bare(&aws, STORE);
    world.unset("AWS_ACCESS_KEY_ID");
    std::fs::write(world.path("identity"), "a.web.identity").expect("a write");
    // A documentation address (RFC 5737): nobody is there, and nothing is sent.
    world.set("AWS_ENDPOINT_URL_STS", "http://192.0.2.1:9");
    world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/crossfade");
    world.set("AWS_WEB_IDENTITY_TOKEN_FILE", world.path("identity").display().to_string());
    let said = world.fails(1, &["token", SECRET]);
    assert!(said.contains("plain HTTP") && !said.contains("a.web.identity"), "{said}");
}

#[test]
fn a_right_that_is_missing_is_no_matter_of_the_setup() {
    let aws = aws();
    aws.server.allow("AKID", &[Operation::DescribeSecret]);
    let world = bare(&aws, STORE);
    let output = world.run(&["check", "--live"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
