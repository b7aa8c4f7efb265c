//! `cargo xtask demo`, as it is started, and what it leaves behind.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crossfade_testing_fleet::{servers::root, until};

use crate::daemon;

/// With the server and the bot that are its defaults.
fn command() -> Option<Command> {
    let [demo, server, bot] = ["SLACK_DEMO", "FLEET_RUST", "SLACK_BOT_PYTHON"].map(env::var_os);
    let mut command = Command::new(demo?);
    command.arg("--daemon").arg(daemon()).args(["--server", "rust", "--server-program"]).arg(server?);
    command.args(["--bot", "python", "--bot-program"]).arg(bot?);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

#[test]
fn the_demo_shows_a_question_answered_before_during_and_after_a_rotation_with_the_versions_that_were_used() {
    let Some(mut command) = command() else { return };
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    let printed: Vec<String> = said.lines().map(shape).collect();
    let readme = fs::read_to_string(root().join("README.md")).expect("a document");
    let sample =
        readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    for line in sample.lines() {
        assert!(printed.contains(&shape(line)), "the README shows a line that is not printed: {line}");
    }
    assert_eq!(said.matches("bot: I searched Slack: ").count(), 5);
    assert!(said.contains("0 wrongly refused"));
    let parts: Vec<&str> = ["\nBefore", "\nDuring", "\nAfter it", "\nAfter a leak"]
        .iter()
        .map(|title| {
            said.split_once(title).map_or("", |(_, after)| after.split("\n\n").next().unwrap_or_default())
        })
        .collect();
    let versions = |part: &str| -> Vec<String> {
        part.split("run with version ").skip(1).map(|rest| rest.chars().take(8).collect()).collect()
    };
    let [before, during, after, leak] = [0, 1, 2, 3].map(|n| versions(parts[n]));
    assert_eq!((before.len(), during.len(), after.len(), leak.len()), (1, 2, 1, 2), "{said}");
    assert!(during.contains(&before[0]), "the run that had begun kept its version");
    assert!(during.contains(&after[0]), "the one that began after it has the next");
    assert_eq!(leak[0], after[0]);
    assert!(leak[1] != leak[0] && leak[1] != before[0]);
}

/// Without what differs from run to run: times and ids.
fn shape(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_hexdigit() && !"-.: ".contains(*c)).collect()
}

/// The processes below one, by its id: by their own ids.
fn below(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        if after_name.split_whitespace().nth(1) == Some(&parent.to_string()) {
            found.push(id);
        }
    }
    found
}

#[test]
fn a_demo_that_is_interrupted_leaves_no_process_behind() {
    let Some(mut command) = command() else { return };
    for signal in ["-INT", "-TERM"] {
        let mut demo = command.spawn().expect("it starts");
        let mut lines = BufReader::new(demo.stdout.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("ann:") {
            line.clear();
            assert!(lines.read_line(&mut line).expect("a line") > 0, "it ended before it was interrupted");
        }
        let started = below(demo.id());
        assert_eq!(started.len(), 4, "a daemon, a server and two bots");
        assert!(crossfade_testing_fleet::process::send(signal, &demo.id().to_string()));
        let status = demo.wait().expect("its end");
        assert!(!status.success());
        until("they are gone", || {
            started.iter().all(|id| !fs::exists(format!("/proc/{id}")).unwrap_or(true)).then_some(())
        });
        let mut rest = String::new();
        lines.read_to_string(&mut rest).expect("text");
        assert!(rest.contains("stopped: ending what was started"), "{rest}");
    }
}
