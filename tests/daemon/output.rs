//! Answers that could not be written: a full disk is an error with its cause, and a reader that has gone is none.

use std::{
    fs::File,
    io,
    process::{Command, Output, Stdio},
};

use crate::world::{AUDIENCE, SECRET, World, until};

/// Every command that prints an answer, in an order in which each succeeds.
const COMMANDS: &[&[&str]] = &[
    &["token", SECRET],
    &["credential"],
    &["status"],
    &["status", SECRET, "-o", "json"],
    &["check"],
    &["check", "--live"],
    &["health"],
    &["rotate", SECRET, "--dry-run"],
    &["rotate", SECRET, "--wait"],
    &["rotate", "--all"],
    &["pause", SECRET],
    &["resume", SECRET],
    &["revoke", SECRET, "--previous", "--yes"],
    &["revoke", SECRET, "--all", "--yes", "--wait"],
    &["rotate", "--due"],
    &["audit", "verify", "data/audit.jsonl"],
    &["completions", "bash"],
    &["help", "rotate"],
    &["status", "--help"],
    &["--help"],
    &["--version"],
];

/// A scheduled secret: `resume` and `status` say something of its slots.
fn world() -> World {
    World::with_secrets(&format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30m, every: 12h}}\n"
    ))
}

fn into(world: &World, arguments: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = world.command(arguments[0]);
    let command: &mut Command = command.args(&arguments[1..]).stdout(stdout).stderr(Stdio::piped());
    command.spawn().and_then(std::process::Child::wait_with_output).expect("it runs")
}

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("a disk that is full")
}

fn gone() -> io::PipeWriter {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer
}

#[test]
fn an_answer_that_could_not_be_written_is_an_error_with_its_cause() {
    let world = world();
    let _daemon = world.start();
    for arguments in COMMANDS {
        let output = into(&world, arguments, full());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("No space left on device"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_verdict_that_could_not_be_written_is_no_acceptance() {
    let world = world();
    let _daemon = world.start();
    let token = world.token();
    let input = world.path("input");
    std::fs::write(&input, token).expect("a write");
    for (stdout, code) in [(Stdio::from(full()), 1), (Stdio::from(gone()), 0)] {
        let mut command = world.command("verify");
        let command = command.args(["--audience", AUDIENCE]).stdin(File::open(&input).expect("a file"));
        let status = command.stdout(stdout).stderr(Stdio::null()).status().expect("it runs");
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn a_reader_that_has_gone_gets_no_message_and_a_token_that_nobody_got_is_no_success() {
    let world = world();
    let _daemon = world.start();
    for arguments in COMMANDS {
        let output = into(&world, arguments, gone());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let wants_its_reader = ["token", "credential"].contains(&arguments[0]);
        assert_eq!(output.status.code(), Some(i32::from(wants_its_reader)), "{arguments:?}: {said}");
        assert!(!said.contains("error") && !said.contains("pipe"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_table_that_nobody_watches_any_more_ends() {
    let world = World::new("30m");
    let _daemon = world.start();
    for stdout in [Stdio::from(gone()), Stdio::from(full())] {
        let mut command = world.command("status");
        let mut child =
            command.arg("--watch").stdout(stdout).stderr(Stdio::null()).spawn().expect("it starts");
        until("it ends", || child.try_wait().expect("its state"));
    }
}

#[test]
fn what_was_ordered_is_carried_out_whole_though_nobody_can_read_of_it() {
    let two = format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30m, soak: 10m}}
  - {{name: mcp/another, client_id: another-bot, audience: {AUDIENCE}, grace: 30m, soak: 10m}}\n"
    );
    for stdout in [Stdio::from(full()), Stdio::from(gone())] {
        let world = World::with_secrets(&two);
        let _daemon = world.start();
        drop(into(&world, &["rotate", "--all"], stdout));
        for secret in [SECRET, "mcp/another"] {
            let said = world.ok(&["status", secret]);
            assert!(said.contains("pending"), "{said}");
        }
    }
}
