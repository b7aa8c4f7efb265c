//! With a daemon on the socket a command needs nothing else of the config: a file that is wrong stops none of them, and
//! a file that is another daemon's is told from its own.

use std::{
    fs,
    io::Write,
    process::{Output, Stdio},
};

use crate::world::{AUDIENCE, SECRET, World, until};

/// Every command that a daemon can answer, in an order in which each succeeds.
const ORDERS: &[&[&str]] = &[
    &["status"],
    &["status", SECRET, "-o", "json"],
    &["token", SECRET],
    &["exec", SECRET, "--env", "T", "--", "true"],
    &["rotate", SECRET, "--dry-run"],
    &["rotate", SECRET, "--wait"],
    &["rotate", "--all", "--wait"],
    &["pause", SECRET],
    &["resume", SECRET],
    &["revoke", SECRET, "--previous", "--yes", "--wait"],
    &["rotate", SECRET, "--compromised", "--wait"],
    &["revoke", SECRET, "--all", "--yes", "--wait"],
    &["health"],
];

/// A daemon whose socket is not where it would be looked for without its config.
fn world() -> World {
    let world = World::new("30m");
    let config = config(&world);
    write(&world, format!("admin_socket: ./run/a.sock\n{config}").as_bytes());
    world
}

fn config(world: &World) -> String {
    fs::read_to_string(world.path("config.yaml")).expect("a config")
}

fn write(world: &World, config: &[u8]) {
    fs::write(world.path("config.yaml"), config).expect("a write");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Warnings on stderr.
fn warnings(output: &Output) -> Vec<String> {
    said(output).lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect()
}

#[test]
fn a_config_that_became_wrong_stops_no_command_while_a_daemon_runs() {
    let world = world();
    let _daemon = world.start();
    let good = config(&world);
    let cut = good.find("secrets:").expect("secrets");
    let broken: [(&str, Vec<u8>); 7] = [
        ("an unknown key", format!("{good}unknown: 1\n").into_bytes()),
        ("two mistakes", format!("{good}unknown: 1\nhold: never\n").into_bytes()),
        ("no YAML at the end", format!("{good}more: [\n").into_bytes()),
        ("cut", good.as_bytes()[..cut + "secrets:\n  - {name: mcp".len()].to_vec()),
        ("no variable", good.replace("hold: 60s", "hold: ${NOT_SET_HERE}").into_bytes()),
        ("no UTF-8", [good.as_bytes(), b"# \xff\n"].concat()),
        ("a tab", good.replace("hold: 60s", "hold:\t60s\n\tx: 1").into_bytes()),
    ];
    for (what, text) in broken {
        write(&world, &text);
        for arguments in ORDERS {
            let output = world.run(arguments);
            assert!(output.status.success(), "{what}, {arguments:?}: {output:?}");
            let named = arguments[0] != "health";
            let warnings = warnings(&output);
            assert_eq!(warnings.len(), usize::from(named), "{what}, {arguments:?}: {warnings:?}");
            assert!(warnings.iter().all(|line| line.contains("config.yaml")), "{what}: {warnings:?}");
        }
        assert!(!world.fails(2, &["check"]).is_empty(), "{what}: it is wrong all the same");
    }
}

#[test]
fn a_verdict_needs_no_config_either() {
    let world = world();
    let _daemon = world.start();
    let token = world.token();
    write(&world, format!("{}unknown: 1\n", config(&world)).as_bytes());
    let verify = |audience: &str, token: &str| {
        let mut command = world.command("verify");
        let command = command.args(["--audience", audience]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdin.take().expect("stdin").write_all(token.as_bytes()));
        let output = child.wait_with_output().expect("its end");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
    };
    let (code, body, _) = verify(AUDIENCE, &token);
    assert!(code == Some(0) && body.contains("\"reason\":\"accepted\""), "{code:?}: {body}");
    let (code, body, _) = verify(AUDIENCE, "a-token-that-nobody-knows");
    assert!(code == Some(1) && body.contains("\"reason\":\"unknown\""), "{code:?}: {body}");
    assert_eq!(verify("https://nobody.example.com", &token).0, Some(2));
    let status = world.status();
    assert_eq!(
        status["versions"][0]["last_used_ms"],
        serde_json::Value::Null,
        "a person's look is no use of it"
    );
}

#[test]
fn a_token_that_a_person_got_or_was_refused_is_written_down_with_who_they_are() {
    let world = world();
    let _daemon = world.start();
    world.token();
    world.fails(1, &["token", "mcp/nobody"]);
    let log = fs::read_to_string(world.path("data/audit.jsonl")).expect("a log");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let handed: Vec<_> = lines.iter().filter(|line| line["action"] == "token_handed_out").collect();
    let by_us = |line: &&&serde_json::Value| line["peer"].as_str().is_some_and(|p| p.starts_with("uid:"));
    let outcomes: Vec<_> =
        handed.iter().filter(by_us).map(|line| (&line["secret"], &line["outcome"])).collect();
    let (name, nobody) = (SECRET.into(), serde_json::Value::Null);
    assert_eq!(outcomes, [(&name, &"done".into()), (&nobody, &"refused".into())], "{log}");
}

#[test]
fn without_a_daemon_a_wrong_config_is_an_error_with_each_mistake() {
    let world = world();
    write(&world, format!("{}unknown: 1\nanother: 2\n", config(&world)).as_bytes());
    for arguments in ORDERS {
        let code = if arguments[0] == "exec" { 125 } else { i32::from(arguments[0] != "health") + 1 };
        let said = world.fails(code, arguments);
        assert!(code == 1 || (said.contains("unknown") && said.contains("another")), "{arguments:?}: {said}");
        assert!(code == 1 || said.contains("--socket"), "{arguments:?}: it may listen elsewhere: {said}");
    }
}

#[test]
fn a_socket_can_be_named_and_then_no_config_is_needed_at_all() {
    let world = world();
    let _daemon = world.start();
    fs::rename(world.path("config.yaml"), world.path("away")).expect("a rename");
    for arguments in ORDERS.iter().filter(|arguments| arguments[0] != "health") {
        let mut all = vec![arguments[0], "--socket", "run/a.sock"];
        all.extend(&arguments[1..]);
        let output = world.run(&all);
        assert!(output.status.success() && warnings(&output).is_empty(), "{arguments:?}: {output:?}");
    }
    let said = world.fails(2, &["status", "--socket", "run/nobody.sock"]);
    assert!(said.contains("run/nobody.sock"), "{said}");
}

#[test]
fn a_daemon_listens_where_it_is_told_on_the_command_line() {
    let world = World::new("30m");
    let mut command = world.command("serve");
    let command = command.args(["--socket", "elsewhere/b.sock", "--log-format", "text"]);
    let daemon = crate::process::Daemon::start(command);
    until("it listens there", || world.path("elsewhere/b.sock").exists().then_some(()));
    let output = world.run(&["status", "--socket", "elsewhere/b.sock"]);
    assert!(output.status.success() && said(&output).is_empty(), "{output:?}");
    drop(daemon);
}

#[test]
fn a_daemon_of_another_config_is_told_from_one_s_own() {
    let world = World::new("30m");
    let _daemon = world.start();
    let other = config(&world).replace("hold: 60s", "hold: 90s");
    fs::write(world.path("OTHER.yaml"), other).expect("a write");
    fs::write(world.path("copy.yaml"), config(&world)).expect("a write");
    std::os::unix::fs::symlink("config.yaml", world.path("link.yaml")).expect("a link");
    let path = world.path("config.yaml").display().to_string();
    for arguments in ORDERS.iter().filter(|arguments| arguments[0] != "health") {
        let of = |file: &str| {
            let output = world.run(&[arguments, &["-c", file][..]].concat());
            assert!(output.status.success(), "{arguments:?}: {output:?}");
            let lines = said(&output).lines().filter(|line| line.contains(&path)).count();
            (lines, said(&output))
        };
        // What follows `--` is not ours.
        if arguments.contains(&"--") {
            continue;
        }
        let (lines, said) = of("OTHER.yaml");
        assert!(lines == 1 && said.contains("OTHER.yaml"), "{arguments:?}: {said}");
        for same in ["config.yaml", "./config.yaml", &path, "link.yaml", "copy.yaml"] {
            let (lines, said) = of(same);
            assert_eq!(lines, 0, "{arguments:?} with {same}: {said}");
        }
    }
}
