//! AWS's credentials under a running daemon: written late, renewed, expired, denied, whoever gives them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};

use crate::{
    aws::{Aws, TOKEN, aws, replica},
    givers::{Giver, words},
    process::Daemon,
    world::{SECRET, World, until},
};

/// A folder whose processes have no credentials but those of the profile file in it.
fn by_profile(aws: &Aws) -> World {
    let mut world = replica(aws, 0);
    world.unset("AWS_ACCESS_KEY_ID");
    world.unset("AWS_SECRET_ACCESS_KEY");
    let home = world.folder.path().display().to_string();
    world.set("HOME", &home);
    world.set("AWS_SHARED_CREDENTIALS_FILE", format!("{home}/credentials"));
    world.set("AWS_CONFIG_FILE", format!("{home}/aws-config"));
    world
}

/// As a whole, as tools that renew it do.
fn write(path: &PathBuf, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a write");
    fs::rename(new, path).expect("a rename");
}

fn write_profile(world: &World, access_key: &str) {
    let text = format!("[default]\naws_access_key_id = {access_key}\naws_secret_access_key = none\n");
    write(&world.path("credentials"), &text);
}

fn expire(aws: &Aws, access_key: &str) {
    aws.server.fault(Rule::once(Effect::FailBefore(Failure::ExpiredToken)).by(access_key).always());
}

/// The access key of the last call.
fn caller(aws: &Aws) -> Option<String> {
    aws.server.calls().last().and_then(|call| call.caller.clone())
}

fn serve(world: &World) -> Daemon {
    Daemon::start(world.command("serve").arg("--log-format").arg("text"))
}

fn until_called_by(aws: &Aws, access_key: &str) {
    until("it calls with the new key", || caller(aws).filter(|key| key == access_key));
}

fn never_already_taken(daemon: &Daemon) {
    assert!(!daemon.log().contains("already taken"), "{}", daemon.log());
}

#[test]
fn a_profile_that_is_written_after_the_start_is_found_and_the_first_cause_is_said_until_then() {
    let aws = aws();
    let world = by_profile(&aws);
    let daemon = serve(&world);
    until("it has looked more than once", || {
        (daemon.log().matches("no credentials").count() >= 3).then_some(())
    });
    let said = world.status()["message"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("AWS_ACCESS_KEY_ID") && said.contains("AWS_PROFILE"), "{said}");
    assert!(!said.contains("try again"), "{said}");
    write_profile(&world, "AKIDLATE");
    until_called_by(&aws, "AKIDLATE");
    assert_eq!(world.stage(TOKEN).as_deref(), Some("current"));
    never_already_taken(&daemon);
}

#[test]
fn a_profile_that_is_no_profile_is_said_as_such_each_time_and_mended_under_the_daemon() {
    let aws = aws();
    let world = by_profile(&aws);
    write(&world.path("credentials"), "[default\naws_access_key_id = A\n");
    let daemon = serve(&world);
    until("it has looked more than once", || (daemon.log().matches("not set up").count() >= 3).then_some(()));
    let said = world.status()["message"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("AWS_SHARED_CREDENTIALS_FILE"), "{said}");
    write_profile(&world, "AKIDMENDED");
    until_called_by(&aws, "AKIDMENDED");
    never_already_taken(&daemon);
}

#[test]
fn a_profile_that_another_tool_has_renewed_is_read_when_the_old_one_has_expired() {
    let aws = aws();
    let world = by_profile(&aws);
    write_profile(&world, "AKIDOLD");
    let daemon = world.start();
    write_profile(&world, "AKIDNEW");
    expire(&aws, "AKIDOLD");
    until_called_by(&aws, "AKIDNEW");
    world.ok(&["rotate", SECRET, "--wait"]);
    never_already_taken(&daemon);
}

#[test]
fn a_key_that_has_lost_its_rights_is_replaced_too() {
    let aws = aws();
    let world = by_profile(&aws);
    write_profile(&world, "AKIDOLD");
    let _daemon = world.start();
    write_profile(&world, "AKIDNEW");
    aws.server.allow("AKIDOLD", &[Operation::DescribeSecret]);
    until("it can read a value", || world.run(&["rotate", SECRET, "--wait"]).status.success().then_some(()));
    assert_eq!(caller(&aws).as_deref(), Some("AKIDNEW"));
}

#[test]
fn sighup_looks_although_nothing_was_missed_and_although_the_config_is_a_wrong_one() {
    let aws = aws();
    let world = by_profile(&aws);
    write_profile(&world, "AKIDOLD");
    let daemon = world.start();
    for (key, config) in [("AKIDSECOND", None), ("AKIDTHIRD", Some("listen: nowhere\n"))] {
        write_profile(&world, key);
        if let Some(config) = config {
            fs::write(world.path("config.yaml"), config).expect("a write");
        }
        daemon.signal("-HUP");
        until_called_by(&aws, key);
    }
}

#[test]
fn a_denial_that_no_other_key_cures_says_what_was_looked_for_and_asks_no_more_often_than_it_has_to() {
    let aws = aws();
    let world = by_profile(&aws);
    give_by_process(&world, "AKIDPROCESS", "2100-01-01T00:00:00Z");
    let daemon = world.start();
    let runs = || fs::read_to_string(world.path("runs")).unwrap_or_default().lines().count();
    assert_eq!(runs(), 1);
    let (begun, made) = (std::time::Instant::now(), aws.server.calls_made());
    expire(&aws, "AKIDPROCESS");
    until("it is denied time and again", || (aws.server.calls_made() >= made + 4).then_some(()));
    let allowed = 2 + begun.elapsed().as_secs() / 5;
    assert!(runs() as u64 <= allowed, "{} looks, and {allowed} are allowed", runs());
    fs::remove_file(world.path("give")).expect("the program is gone");
    daemon.signal("-HUP");
    let said = until("both are said", || {
        let said = world.status()["message"].as_str().unwrap_or_default().to_owned();
        (said.contains("ExpiredTokenException") && said.contains("looked for")).then_some(said)
    });
    assert!(said.contains("no credentials were given"), "{said}");
    give_by_process(&world, "AKIDAFTER", "2100-01-01T00:00:00Z");
    daemon.signal("-HUP");
    until_called_by(&aws, "AKIDAFTER");
    never_already_taken(&daemon);
}

#[test]
fn credentials_that_are_about_to_expire_are_replaced_before_anybody_is_denied() {
    let aws = aws();
    let world = by_profile(&aws);
    let soon = jiff(31);
    give_by_process(&world, "AKIDSOON", &soon);
    let _daemon = world.start();
    assert_eq!(caller(&aws).as_deref(), Some("AKIDSOON"));
    give_by_process(&world, "AKIDNEXT", "2100-01-01T00:00:00Z");
    until_called_by(&aws, "AKIDNEXT");
}

#[test]
fn a_web_identity_whose_file_is_written_late_is_taken() {
    let aws = aws();
    let mut world = by_profile(&aws);
    let sts = Giver::of("AKIDWEB");
    world.set("AWS_ENDPOINT_URL_STS", sts.url());
    world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/crossfade");
    world.set("AWS_WEB_IDENTITY_TOKEN_FILE", world.path("identity").display().to_string());
    let daemon = serve(&world);
    until("it says why", || daemon.log().contains("no credentials were given").then_some(()));
    fs::write(world.path("identity"), "a.web.identity").expect("a write");
    until_called_by(&aws, "AKIDWEB");
}

#[test]
fn single_sign_on_gives_credentials_once_somebody_has_signed_on() {
    let aws = aws();
    let mut world = by_profile(&aws);
    let portal = Giver::of("AKIDSSO");
    world.set("AWS_ENDPOINT_URL_SSO", portal.url());
    let profile = "[default]\nsso_start_url = https://d-1234567890.awsapps.com/start\nsso_region = eu-west-1\n\
                   sso_account_id = 123456789012\nsso_role_name = rotator\n";
    fs::write(world.path("aws-config"), profile).expect("a write");
    let daemon = serve(&world);
    until("it says that nobody has", || daemon.log().contains("no credentials were given").then_some(()));
    assert!(!daemon.log().contains("cargo feature"), "{}", daemon.log());
    let cache = world.path(".aws/sso/cache");
    fs::create_dir_all(&cache).expect("a folder");
    // The SHA-1 of the start URL.
    let file = cache.join("7487b5b67d5fa1132cf33fa93ae51ef38cc37752.json");
    fs::write(file, r#"{"accessToken": "a", "expiresAt": "2100-01-01T00:00:00Z", "region": "eu-west-1"}"#)
        .expect("a write");
    until_called_by(&aws, "AKIDSSO");
}

#[test]
fn a_role_of_an_ec2_instance_is_looked_up_anew_when_its_key_is_denied() {
    let aws = aws();
    let mut world = by_profile(&aws);
    let key = Arc::new(Mutex::new("AKIDFIRST"));
    let given = Arc::clone(&key);
    let metadata = Giver::start(move |line| words(line, *given.lock().expect("a key")));
    world.unset("AWS_EC2_METADATA_DISABLED");
    world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
    let daemon = world.start();
    assert_eq!(caller(&aws).as_deref(), Some("AKIDFIRST"));
    let lines = metadata.lines();
    assert!(lines.iter().any(|line| line.starts_with("PUT /latest/api/token")), "IMDSv2: {lines:?}");
    *key.lock().expect("a key") = "AKIDSECOND";
    expire(&aws, "AKIDFIRST");
    until_called_by(&aws, "AKIDSECOND");
    world.ok(&["rotate", SECRET, "--wait"]);
    never_already_taken(&daemon);
}

/// A program that gives that access key until then, and writes down that it ran.
fn give_by_process(world: &World, access_key: &str, until: &str) {
    let runs = world.path("runs").display().to_string();
    let program = world.path("give");
    let answer = format!(
        r#"{{"Version": 1, "AccessKeyId": "{access_key}", "SecretAccessKey": "none", "SessionToken": "some", "Expiration": "{until}"}}"#
    );
    let new = world.path("give.new");
    fs::write(&new, format!("#!/bin/sh\necho once >> {runs}\necho '{answer}'\n")).expect("a write");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o700)).expect("a program");
    fs::rename(new, &program).expect("a rename");
    let profile = format!("[default]\ncredential_process = {}\n", program.display());
    fs::write(world.path("aws-config"), profile).expect("a write");
}

/// So many seconds from now, as AWS writes it.
fn jiff(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.round(jiff::Unit::Second).expect("a time").to_string()
}
