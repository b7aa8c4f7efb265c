//! A command on a terminal of 80 columns, as a person has it.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Command, ExitStatus},
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// What a command showed on a terminal, without colours and cursor movements, and how it ended. It is typed at with
/// `input`, which the terminal echoes.
pub(crate) fn run(mut command: Command, input: &str) -> (String, ExitStatus) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("a terminal of ours");
    unlockpt(&terminal).expect("its other end");
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).expect("80 columns");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let end = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
    let end = File::from(end.expect("its other end"));
    let ends = [end.try_clone().expect("a copy"), end.try_clone().expect("a copy"), end];
    let [stdin, stdout, stderr] = ends;
    command.stdin(stdin).stdout(stdout).stderr(stderr).env("TERM", "xterm-256color");
    let mut child = command.spawn().expect("it starts");
    // The command holds the other end, too; and only once all of them are closed does reading end.
    drop(command);
    let mut terminal = File::from(terminal);
    terminal.write_all(input.as_bytes()).expect("typing");
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    // A terminal without another end is an error to read, on Linux.
    while let Ok(read @ 1..) = terminal.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..read]);
    }
    (plain(&String::from_utf8_lossy(&shown)), child.wait().expect("its end"))
}

/// The text without what moves the cursor and changes colours (ECMA-48, section 5.4). A line that was overwritten counts
/// as a line.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => {
                let bracket = characters.next() == Some('[');
                while bracket && characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\r' => text.push('\n'),
            other => text.push(other),
        }
    }
    text
}
