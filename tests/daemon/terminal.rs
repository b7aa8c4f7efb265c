//! The commands on a terminal of 80 columns: they say there what they say to a pipe, and nobody else says anything.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use clap::CommandFactory;

use crate::{
    pty,
    world::{AUDIENCE, SECRET, World, until},
};

/// Every command, in an order in which each can succeed; what is typed, and whether a daemon runs then.
const SCRIPT: &[(&[&str], &str)] = &[
    (&["check"], ""),
    (&["check", "--live"], ""),
    (&["status"], ""),
    (&["status", "-o", "json"], ""),
    (&["token", SECRET], ""),
    (&["exec", SECRET, "--env", "T", "--", "true"], ""),
    (&["verify", "--audience", AUDIENCE], "a-token-that-nobody-knows\n\x04"),
    (&["rotate", SECRET, "--dry-run"], ""),
    (&["rotate", SECRET, "--wait"], ""),
    (&["rotate", "--all", "--wait"], ""),
    (&["abort", SECRET], ""),
    (&["pause", SECRET], ""),
    (&["status", SECRET], ""),
    (&["resume", SECRET], ""),
    (&["revoke", SECRET, "--previous"], "n\n"),
    (&["revoke", SECRET, "--previous"], "y\n"),
    (&["rotate", SECRET, "--compromised", "--wait"], ""),
    (&["revoke", SECRET, "--all", "--yes", "--wait"], ""),
    (&["rotate", "--due", "--wait"], ""),
    (&["health"], ""),
    (&["credential"], ""),
    (&["audit", "verify", "data/audit.jsonl"], ""),
    (&["completions", "bash"], ""),
    (&["help"], ""),
    (&["status", "--help"], ""),
    (&["--version"], ""),
    (&["status", "nobody"], ""),
    (&["status", "-c", "missing.yaml"], ""),
    (&["revoke", SECRET], ""),
    (&["no-such-command"], ""),
];

#[test]
fn on_a_terminal_of_80_columns_every_line_is_ours_with_a_daemon_and_without() {
    let tried: BTreeSet<&str> = SCRIPT.iter().map(|(arguments, _)| arguments[0]).collect();
    for command in crossfade::cli::Cli::command().get_subcommands() {
        // `serve` does not end: it has a test of its own.
        assert!(tried.contains(command.get_name()) || command.get_name() == "serve", "{command}");
    }
    for with_a_daemon in [true, false] {
        let (shown, piped) = (World::new("30m"), World::new("30m"));
        let daemons = if with_a_daemon { vec![shown.start(), piped.start()] } else { Vec::new() };
        for (arguments, typed) in SCRIPT {
            let (text, status) = pty::run(command(&shown, arguments), typed);
            let (said, code) = on_pipes(&piped, arguments, typed);
            assert_eq!(status.code(), code, "{arguments:?} (daemon: {with_a_daemon}):\n{text}\n{said}");
            let ours: BTreeSet<String> = said.lines().map(|line| normal(line, &piped)).collect();
            for line in text.lines().map(|line| normal(line, &shown)) {
                let asked =
                    line.starts_with("End these of ") || line == typed.trim_end_matches('\x04').trim();
                assert!(
                    line.is_empty() || ours.contains(&line) || progress(&line) || asked,
                    "{arguments:?} (daemon: {with_a_daemon}): {line:?} is not ours; to a pipe:\n{said}"
                );
            }
        }
        drop(daemons);
    }
}

#[test]
fn on_a_terminal_every_line_of_the_daemon_s_log_is_ours() {
    let world = World::new("30m");
    let probe = std::thread::scope(|scope| {
        let stopper = scope.spawn(|| {
            until("the daemon is ready", || {
                let ready = crate::process::call(world.metrics, "GET", "/readyz", &[], "");
                ready.ok().filter(|answer| answer.status == 200)
            });
            let pid = std::fs::read_to_string(world.path("pid")).expect("its pid");
            assert!(crate::process::send("-TERM", pid.trim()));
        });
        let mut shell = Command::new("sh");
        shell.current_dir(world.folder.path()).args(["-c", "echo $$ > pid; exec \"$0\" serve"]);
        let shown = pty::run(
            {
                shell.arg(env!("CARGO_BIN_EXE_crossfade"));
                shell
            },
            "",
        );
        stopper.join().expect("it was stopped");
        shown
    });
    let (text, status) = probe;
    assert!(status.success(), "{text}");
    assert!(text.contains("serving verifiers and bots"), "{text}");
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let dated = words.next().is_some_and(|word| word.starts_with("20") && word.ends_with('Z'));
        let level = words.next().is_some_and(|word| ["ERROR", "WARN", "INFO"].contains(&word));
        assert!(dated && level, "{line:?} is not ours:\n{text}");
    }
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments[0]);
    command.args(&arguments[1..]);
    command
}

/// What it says to pipes. Where nobody can be asked, `--yes` stands for the answer.
fn on_pipes(world: &World, arguments: &[&str], typed: &str) -> (String, Option<i32>) {
    let mut command = command(world, arguments);
    match typed {
        "n\n" => {
            // Nobody can be asked on a pipe: what it would have shown is what it shows before it is told yes.
            return (
                "no daemon listens on data/crossfade.sock: working on the store directly\n\
                     previous version # no use of it was heard of by this daemon, which has watched it for #\n\
                     previous version # whether it is used is not known without a daemon\nnothing was revoked"
                    .to_owned(),
                Some(1),
            );
        }
        "y\n" => drop(command.arg("--yes")),
        _ => {}
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let input = typed.trim_end_matches('\x04');
    // One that reads nothing may be gone already.
    drop(child.stdin.take().expect("stdin").write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (said.join("\n"), output.status.code())
}

/// The one line that changes while a command waits.
fn progress(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    line.starts_with(&format!("{SECRET}: "))
}

/// A line without what differs from run to run: the folder, ids, tokens, and how long ago something was.
fn normal(line: &str, world: &World) -> String {
    let line = line.replace(&*world.folder.path().to_string_lossy(), "FOLDER");
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let word = if word.bytes().any(|byte| byte.is_ascii_digit()) { "#" } else { word };
        let unit = ["d", "h", "min", "s"].contains(&word.trim_matches(|c: char| !c.is_ascii_alphabetic()));
        let of_the_last = words.last() == Some(&"#") && (unit || word == "#");
        if !of_the_last {
            words.push(word);
        }
    }
    words.join(" ")
}
