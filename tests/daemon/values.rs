//! Values of Secrets Manager's that hold more than a token: a rotation keeps all of it, or is refused.

use crossfade_testing_secretsmanager::model::{Binary, CreateSecret};

use crate::{
    aws::{Aws, FIRST, empty, replica},
    world::{AUDIENCE, SECRET, World, until},
};

const TOKEN: &str = "a-token-that-somebody-made";

fn world(aws: &Aws, format: &str) -> World {
    let world = replica(aws, 0);
    world.write_config(
        &format!(
            "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 5s, format: {format}}}\n"
        ),
        "",
    );
    world
}

/// The value of the newest version.
fn newest(aws: &Aws) -> String {
    let secret = aws.server.secret(SECRET).expect("the secret");
    secret.versions().last().and_then(|version| version.text()).expect("a string").to_owned()
}

#[test]
fn a_rotation_changes_the_token_in_an_object_and_not_one_other_character() {
    for value in [
        format!(r#"{{"token":"{TOKEN}"}}"#),
        format!(r#"{{"token":"{TOKEN}","user":"bot"}}"#),
        format!("\u{feff}{{\"user\": \"bot\", \"token\": \"{TOKEN}\"}}"),
        format!("{{\r\n  \"user\": \"bot\",\r\n  \"token\" : \"{TOKEN}\"\r\n}}\r\n\n"),
        format!(
            r#"{{"z":1.000000000000000000000000001,"n":1e400,"a":{{"x":[1,  2]}},"token":"{TOKEN}","b":-0}}"#
        ),
        format!(r#"{{"a":1,"token":"{TOKEN}","a":2,"\u00e9":"\u00e9","é":"é","half":"\ud800","\ud800":1}}"#),
        format!(
            r#"{{"{0}":"of a key","token":"{TOKEN}","deep":{1}{2}}}"#,
            "token ",
            "[".repeat(100),
            "]".repeat(100)
        ),
    ] {
        let aws = empty();
        let world = world(&aws, "json");
        aws.server.person().create(SECRET, FIRST, &value).expect("a secret");
        assert_eq!(world.token(), TOKEN, "{value}");
        world.ok(&["rotate", SECRET, "--wait"]);
        let new = world.token();
        assert_ne!(new, TOKEN);
        assert_eq!(
            newest(&aws).trim_start_matches('\u{feff}'),
            value.trim_start_matches('\u{feff}').replace(TOKEN, &new)
        );
    }
}

#[test]
fn where_readers_may_differ_all_of_them_get_the_new_token() {
    let aws = empty();
    let world = world(&aws, "json");
    let value = format!(r#"{{"token":"a-token-that-is-overridden","user":"bot","\u0074oken":"{TOKEN}"}}"#);
    aws.server.person().create(SECRET, FIRST, &value).expect("a secret");
    assert_eq!(world.token(), TOKEN, "the last one counts, as for most who read it (RFC 8259, section 4)");
    world.ok(&["rotate", SECRET, "--wait"]);
    let new = world.token();
    assert_eq!(newest(&aws), format!(r#"{{"token":"{new}","user":"bot","\u0074oken":"{new}"}}"#));
}

#[test]
fn an_object_without_a_usable_token_gets_one_and_keeps_the_rest() {
    for (value, others) in [
        (r#"{"user":"bot"}"#, r#""user":"bot"}"#),
        (r#"{"user":"bot","token":"short"}"#, r#"{"user":"bot","#),
        (r#"{"token":null, "user":"bot"}"#, r#", "user":"bot"}"#),
        (r#"{ "token":17 , "user":"bot"}"#, r#" , "user":"bot"}"#),
        ("{}", "}"),
        (" { } ", " } "),
    ] {
        let aws = empty();
        let world = world(&aws, "json");
        aws.server.person().create(SECRET, FIRST, value).expect("a secret");
        world.ok(&["rotate", SECRET, "--wait"]);
        let (new, newest) = (world.token(), newest(&aws));
        assert!(newest.contains(others) && newest.contains(&new), "{value}: {newest}");
    }
}

#[test]
fn what_would_lose_more_than_a_token_is_refused_and_never_advised() {
    let text = |value: &str| CreateSecret { secret_string: Some(value.into()), ..CreateSecret::default() };
    let binary = |value: &str| CreateSecret {
        secret_binary: Some(Binary::from(value.as_bytes())),
        ..CreateSecret::default()
    };
    let object = format!(r#"{{"token":"{TOKEN}","user":"bot"}}"#);
    let bytes = object.as_str();
    for (format, value) in [
        ("json", text(r#"["a","list","of","things"]"#)),
        ("json", text(TOKEN)),
        ("json", text(r#""a-token-that-is-a-string""#)),
        ("json", text("17")),
        ("json", text("user=bot\npassword=x\n")),
        ("json", text(r#"{"user":"bot","password":"x",}"#)),
        ("json", text(r#"{"user":"bot"} {"user":"another"}"#)),
        ("json", text(r#"{"user":"bot","token":{"value":"x","id":7}}"#)),
        ("json", text(r#"{"user":"bot","token":["x","y"]}"#)),
        ("json", binary(bytes)),
        ("plain", text(bytes)),
        ("plain", text(&format!("\u{feff}{bytes}"))),
        ("plain", text("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")),
        ("plain", text(r#"["a","list","of","things"]"#)),
        ("plain", text(r#"{"user": "bot", "password": "x",}"#)),
        ("plain", binary(bytes)),
        ("plain", binary(TOKEN)),
    ] {
        let aws = empty();
        let world = world(&aws, format);
        let what = format!("{format}: {value:?}");
        let (name, client_request_token) = (SECRET.to_owned(), Some(FIRST.to_owned()));
        aws.server.person().does(CreateSecret { name, client_request_token, ..value }).expect("a secret");
        let shown = world.run(&["status", SECRET]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("parked") && !shown.contains("rotate"), "{what}: {shown}");
        assert!(shown.contains("no (is no token)"), "{what}: {shown}");
        for order in [&["rotate", SECRET][..], &["rotate", SECRET, "--dry-run"]] {
            let said = world.fails(1, order);
            assert!(said.contains("can't be used as a token"), "{what}, {order:?}: {said}");
        }
        // A leak is answered all the same, as far as it can be: what there is is ended, and nothing is thrown away.
        let output = world.run(&["rotate", SECRET, "--compromised"]);
        let versions = aws.server.secret(SECRET).expect("the secret").versions().len();
        assert_eq!(versions, 1, "{what}: {output:?}");
    }
}

#[test]
fn a_daemon_does_not_throw_away_what_an_ended_value_holds_beside_the_token() {
    let aws = empty();
    let world = world(&aws, "json");
    let list = r#"["a","list","of","things"]"#;
    aws.server.person().create(SECRET, FIRST, list).expect("a secret");
    let _daemon = world.start();
    world.run(&["rotate", SECRET, "--compromised"]);
    world.run(&["revoke", SECRET, "--all", "--yes", "--wait", "--timeout", "3"]);
    assert_eq!(newest(&aws), list);
    assert!(world.fails(1, &["rotate", SECRET]).contains("can't be used as a token"));
}

#[test]
fn what_is_ended_and_nothing_can_replace_is_said_so_at_once() {
    for with_a_daemon in [false, true] {
        for order in [&["revoke", SECRET, "--all", "--yes"][..], &["rotate", SECRET, "--compromised"]] {
            let aws = empty();
            let world = world(&aws, "json");
            aws.server.person().create(SECRET, FIRST, r#"["a","list","of","things"]"#).expect("a secret");
            let daemon = with_a_daemon.then(|| world.start());
            let begun = std::time::Instant::now();
            let output = world.run(order);
            let said = String::from_utf8_lossy(&output.stdout);
            let why = String::from_utf8_lossy(&output.stderr);
            let what = format!("{order:?}, with a daemon: {with_a_daemon}: {said}\n{why}");
            assert_eq!(output.status.code(), Some(1), "{what}");
            assert!(said.contains(&format!("marked as ended: version {FIRST}")), "the end stands: {what}");
            assert!(why.contains("nothing can replace") && why.contains("no JSON object"), "{what}");
            assert!(!said.contains("replacement is made") && !said.contains("made next"), "{what}");
            assert!(begun.elapsed() < std::time::Duration::from_secs(40), "nothing was waited for: {what}");
            if with_a_daemon {
                let more = |calls| {
                    let made = aws.server.calls_made();
                    until("it looks again", || (aws.server.calls_made() >= made + calls).then_some(()));
                };
                // Past the moment of the mark: AWS's labels and its `Date` are of whole seconds.
                more(20);
                let begun = std::time::Instant::now();
                more(20);
                let took = begun.elapsed();
                assert!(
                    took > std::time::Duration::from_millis(500),
                    "each `sync`, not all the time: {took:?}"
                );
            }
            drop(daemon);
        }
    }
}
