//! The tutorial: its commands are run, in one shell, and what they print is compared. The Japanese one is the same tutorial.

use std::{
    fs::{self, File},
    os::unix::{fs::symlink, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use crossfade_testing_fleet::{free_port, until};

use crate::{read, root};

/// What a reader makes before the first command that is run here; the test command has made the same.
const BUILD: &str = "\
cargo build --release --package crossfade --package crossfade-testing-secretsmanager
python3 -m venv target/tutorial
target/tutorial/bin/pip install boto3 ./clients/python
";

/// The tutorial's, each of which becomes a free one.
const PORTS: [&str; 4] = ["4584", "8080", "8750", "8751"];

/// What the shell holds tokens and credentials in.
const SECRETS: &str = r#"printf '%s\n' "$MCP_TOKEN" "$RUN" "$LEAKED" "$CROSSFADE_CREDENTIAL""#;

/// Stands before what a block prints.
const MARK: &str = "@@@ ";

/// A fenced block: its kind, and its text.
#[derive(PartialEq, Eq, Debug)]
struct Block {
    kind: String,
    text: String,
}

fn fenced(document: &str) -> Vec<Block> {
    let parts = document.split("```").skip(1).step_by(2);
    let block = |part: &str| {
        let (kind, text) = part.split_once('\n').expect("a fence on a line of its own");
        Block { kind: kind.to_owned(), text: text.to_owned() }
    };
    parts.map(block).collect()
}

/// What is outside of fenced blocks.
fn prose(document: &str) -> String {
    document.split("```").step_by(2).collect()
}

/// What a block of commands has to print: the block of text below it.
fn commands(document: &str) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    for Block { kind, text } in fenced(document) {
        match &*kind {
            "sh" => commands.push((text, String::new())),
            "text" => commands.last_mut().expect("a command above what it prints").1 = text,
            "python" => {}
            other => panic!("nobody looks at blocks of {other:?}"),
        }
    }
    commands
}

/// Whether that line was printed, where `…` stands for anything; how wide a table's columns are doesn't matter.
fn fits(wanted: &str, printed: &str) -> bool {
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, printed) = (squeeze(wanted), squeeze(printed));
    let Some((start, rest)) = wanted.split_once('…') else { return wanted == printed };
    let Some(mut left) = printed.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(end)
}

fn all_fit(wanted: &str, printed: &str) -> bool {
    wanted.lines().count() == printed.lines().count()
        && wanted.lines().zip(printed.lines()).all(|(wanted, printed)| fits(wanted, printed))
}

/// A shell and all that it has started; they end with it, however the test does.
struct Shell {
    child: Child,
    status: Option<ExitStatus>,
}

impl Shell {
    fn start(bash: &mut Command, said: &Path, complaints: &Path) -> Self {
        let [out, err] = [said, complaints].map(|path| File::create(path).expect("a file"));
        let child = bash.stdout(out).stderr(err).process_group(0).spawn().expect("bash");
        Self { child, status: None }
    }

    fn has_ended(&mut self) -> bool {
        self.status = self.status.or_else(|| self.child.try_wait().expect("a child"));
        self.status.is_some()
    }

    fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // The group is the shell's own, and bears its id.
        let group = format!("-{}", self.child.id());
        crossfade_testing_fleet::process::send("-KILL", &group);
        let _ = self.child.wait();
    }
}

/// A checkout as it is after the build: what is needed of it.
fn checkout(folder: &Path, python: &Path) {
    let debug = Path::new(env!("CARGO_BIN_EXE_crossfade")).parent().expect("its folder");
    fs::create_dir_all(folder.join("target/release")).expect("a folder");
    fs::create_dir_all(folder.join("target/tutorial")).expect("a folder");
    for program in ["crossfade", "secretsmanager-fake"] {
        let built = debug.join(program);
        assert!(built.exists(), "{program} is missing: `cargo test --workspace` builds it");
        symlink(built, folder.join("target/release").join(program)).expect("a link");
    }
    symlink(python.parent().expect("its folder"), folder.join("target/tutorial/bin")).expect("a link");
    symlink(root().join("examples"), folder.join("examples")).expect("a link");
}

#[test]
fn the_tutorials_commands_print_what_it_says() {
    let Some(python) = std::env::var_os("SLACK_BOT_PYTHON").map(PathBuf::from) else {
        println!("not run: `cargo xtask test` makes a Python that has AWS's SDK");
        return;
    };
    if !super::has_curl() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (place, work) = (folder.path().join("checkout"), folder.path().join("tmp"));
    checkout(&place, &python);
    fs::create_dir(&work).expect("a folder");

    let commands = commands(&read("docs/tutorial.md"));
    let ((build, none), commands) = commands.split_first().expect("commands");
    assert_eq!((&**build, &**none), (BUILD, ""));
    let mut script = String::from("set -euo pipefail\n");
    for (number, (command, _)) in commands.iter().enumerate() {
        script.push_str(&format!("printf '{MARK}%s\\n' {number}\n{command}"));
    }
    script.push_str(&format!("{SECRETS} > {}/secrets\n", folder.path().display()));
    for port in PORTS {
        assert!(script.contains(&format!("_PORT={port}")), "no port is {port}");
        script = script.replace(port, &free_port().to_string());
    }

    let [said, complaints] = ["said", "complaints"].map(|name| folder.path().join(name));
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(&place).stdin(Stdio::null());
    bash.env("TMPDIR", &work).env("PYTHONPATH", root().join("clients/python/src"));
    // Nothing is left in the checkout.
    bash.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("AWS_PROFILE").env_remove("CROSSFADE_CONFIG");
    let mut shell = Shell::start(&mut bash, &said, &complaints);
    for (number, (command, _)) in commands.iter().enumerate() {
        let next = format!("{MARK}{}\n", number + 1);
        until(&format!("the end of\n{command}"), || {
            (shell.has_ended() || text(&said).contains(&next)).then_some(())
        });
    }
    let (printed, complained) = (text(&said), text(&complaints));
    let printed: Vec<&str> = printed.split(MARK).skip(1).collect();
    for (number, (command, wanted)) in commands.iter().enumerate() {
        let printed = printed.get(number).and_then(|rest| rest.split_once('\n'));
        let (_, printed) = printed.unwrap_or_else(|| panic!("it ended before\n{command}\n{complained}"));
        assert!(all_fit(wanted, printed), "\n{command}prints something else:\n{printed}{complained}");
    }
    assert!(shell.succeeded(), "the last command fails: {complained}");
    assert_discreet(folder.path());
}

/// No file has a token or a credential in it, but the one in which they are written down to be looked for.
fn assert_discreet(folder: &Path) {
    let secrets = text(&folder.join("secrets"));
    assert_eq!(secrets.lines().filter(|secret| secret.len() > 40).count(), 4);
    let mut folders = vec![folder.join("tmp")];
    let mut files = vec![folder.join("said"), folder.join("complaints")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    assert!(files.iter().any(|file| file.ends_with("crossfade.log")), "{files:?}");
    for file in files {
        let text = text(&file);
        let told = secrets.lines().any(|secret| text.contains(secret));
        assert!(!told, "a token stands in {}", file.display());
    }
}

fn text(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).expect("a file")).into_owned()
}

#[test]
fn the_tutorial_shows_its_guards_as_they_are() {
    let guards = read("examples/tutorial/guards.py");
    let shown: Vec<Block> =
        fenced(&read("docs/tutorial.md")).into_iter().filter(|block| block.kind == "python").collect();
    assert_eq!(shown.len(), guards.matches("\nclass ").count());
    for Block { text, .. } in shown {
        assert!(guards.contains(&format!("\n\n\n{text}\n\n")), "guards.py has another:\n{text}");
    }
}

#[test]
fn the_japanese_tutorial_has_the_same_blocks_and_headings() {
    let (english, japanese) = (read("docs/tutorial.md"), read("docs/tutorial.ja.md"));
    let (blocks, theirs) = (fenced(&english), fenced(&japanese));
    for (block, theirs) in blocks.iter().zip(&theirs) {
        assert_eq!(block, theirs);
    }
    assert_eq!(blocks.len(), theirs.len());
    let headings = |document: &str| -> Vec<usize> {
        let prose = prose(document);
        prose.lines().filter(|line| line.starts_with('#')).map(|line| line.matches('#').count()).collect()
    };
    assert_eq!(headings(&english), headings(&japanese));
}

#[test]
fn what_is_printed_fits_where_nothing_but_the_ellipses_differ() {
    for (wanted, printed, is_fitting) in [
        ("refused (HTTP 401)", "refused (HTTP 401)", true),
        ("refused (HTTP 401)", "refused (HTTP 200)", false),
        ("version … is current, … ago", "version 1b is current, 3 s ago", true),
        ("version … is current, … ago", "version 1b is previous, 3 s ago", false),
        (" a  …  b", " a      1 s ago    b", true),
        ("…", "anything", true),
        ("one\n…", "one", false),
        ("one", "one\ntwo", false),
    ] {
        assert_eq!(all_fit(wanted, printed), is_fitting, "{wanted:?} {printed:?}");
    }
}
