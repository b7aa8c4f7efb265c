//! `exec` and `completions`.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use crate::world::{SECRET, World};

#[test]
fn a_command_gets_the_current_token_in_its_environment_and_nowhere_else() {
    let world = World::new("4s");
    let _daemon = world.start();
    let output = world.run(&[
        "exec",
        SECRET,
        "--env",
        "MCP_TOKEN",
        "--",
        "sh",
        "-c",
        "printf %s \"$MCP_TOKEN\"; exit 7",
    ]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), world.token());
    assert!(output.stderr.is_empty(), "{output:?}");
    let arguments =
        world.ok(&["exec", SECRET, "--env", "T", "--", "sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline"]);
    assert!(!arguments.contains(&world.token()), "{arguments}");
    let audit = fs::read_to_string(world.path("data/audit.jsonl")).expect("an audit log");
    assert!(audit.contains("token_handed_out"), "{audit}");
}

#[test]
fn a_command_that_a_signal_ends_ends_by_that_signal() {
    let world = World::new("4s");
    let _daemon = world.start();
    let output = world.run(&["exec", SECRET, "--env", "T", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
}

#[test]
fn what_keeps_a_command_from_starting_is_told_and_exits_125() {
    let world = World::new("4s");
    let _daemon = world.start();
    let said = world.fails(125, &["exec", SECRET, "--env", "T", "--", "no-such-program"]);
    assert!(said.contains("no-such-program can't be started"), "{said}");
    assert!(!said.contains(&world.token()), "{said}");
    let said = world.fails(125, &["exec", "no/such", "--env", "T", "--", "true"]);
    assert!(said.contains("no secret named \"no/such\""), "{said}");
    for name in ["", "1T", "T=x", "a b"] {
        world.fails(2, &["exec", SECRET, "--env", name, "--", "true"]);
    }
}

#[test]
fn completions_are_scripts_that_their_shell_can_read() {
    let world = World::new("4s");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.ok(&["completions", shell]);
        assert!(script.contains("rotate") && script.contains("revoke"), "{shell}");
    }
    fs::write(world.path("completions.bash"), world.ok(&["completions", "bash"])).expect("a write");
    let read =
        Command::new("bash").arg("-n").arg(world.path("completions.bash")).stderr(Stdio::piped()).output();
    let read = read.expect("bash");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}
