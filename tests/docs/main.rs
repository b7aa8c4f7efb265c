//! The documents can't rot: the tour and the tutorial are run and compared, links lead somewhere, names exist.

#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for processes, and reads what the test command says"
)]

mod tutorial;

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crossfade_testing_fleet::process;

use process::{Daemon, call};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(file)).expect("a file of the repository")
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("examples/slack-bot/README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The fenced blocks of that kind.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    text.split(&fence).skip(1).filter_map(|rest| Some(rest.split("```").next()?.to_owned())).collect()
}

/// What stays the same from run to run: ids, times and numbers are `#`, lengths of time are `T`.
fn shape(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let word: String = number(word);
            let unit =
                ["d", "h", "min", "s"].iter().find(|unit| word.trim_end_matches([',', ';', ')']) == **unit);
            if unit.is_some() && words.last().is_some_and(|last| last.trim_start_matches('(') == "#") {
                words.pop();
                if words.last().is_none_or(|last| last != "T") {
                    words.push("T".to_owned());
                }
            } else {
                words.push(word);
            }
        }
        words.join(" ")
    });
    // What is waited for may pass before it is shown.
    lines
        .filter(|line| !line.is_empty() && !line.contains(": soaking: ") && !line.contains("on its way"))
        .collect()
}

/// Every run of hex digits, dashes and colons with a digit in it becomes `#`.
fn number(word: &str) -> String {
    let (mut shaped, mut run) = (String::new(), String::new());
    for c in word.chars().chain([' ']) {
        if c.is_ascii_hexdigit() || "-:.TZ".contains(c) {
            run.push(c);
            continue;
        }
        let is_number = run.contains(|c: char| c.is_ascii_digit());
        shaped.push_str(if is_number { "#" } else { &run });
        run.clear();
        shaped.push(c);
    }
    shaped.trim_end().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Whether the machine has what the tour and the tutorial ask with; a line where it has not.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        println!("not run: there is no curl; `cargo xtask test --system` installs it");
    }
    found
}

#[test]
fn the_readmes_tour_prints_what_it_says() {
    if !has_curl() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (listen, metrics) = (free_port(), free_port());
    let ports = |text: &str| text.replace("8750", &listen.to_string()).replace("8751", &metrics.to_string());
    fs::write(folder.path().join("config.example.yaml"), ports(&read("config.example.yaml")))
        .expect("a write");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_crossfade"));
    let _daemon =
        Daemon::start(serve.current_dir(folder.path()).args(["serve", "--config", "config.example.yaml"]));
    while call(metrics, "GET", "/readyz", &[], "").map_or(0, |answer| answer.status) != 200 {
        std::thread::sleep(Duration::from_millis(50));
    }

    let tour = blocks(&read("README.md"), "console").concat();
    let mut script = String::from("set -u\n");
    let mut wanted: Vec<(String, String)> = Vec::new();
    for line in tour.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            script.push_str(&format!("echo '@@@'\n{command}\n"));
            wanted.push((command.to_owned(), String::new()));
        } else if let Some((_, output)) = wanted.last_mut() {
            output.push_str(&format!("{line}\n"));
        }
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_crossfade")).parent().expect("its folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("bash")
        .args(["-c", &ports(&script)])
        .current_dir(folder.path())
        .env("PATH", path)
        .output();
    let ran = ran.expect("bash");
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let printed: Vec<&str> = printed.split("@@@\n").skip(1).collect();
    assert_eq!(printed.len(), wanted.len(), "{}", String::from_utf8_lossy(&ran.stderr));
    for ((command, wanted), printed) in wanted.iter().zip(printed) {
        assert_eq!(shape(wanted), shape(printed), "`{command}` prints something else:\n{printed}");
    }
}

#[test]
fn the_readmes_commands_are_those_that_exist() {
    let commands = blocks(&read("README.md"), "sh").concat();
    let commands: Vec<&str> = commands.lines().collect();
    let serve = "cargo run --release -- serve --config config.example.yaml";
    assert_eq!(commands, [serve, "cargo xtask test", "cargo xtask demo"]);
}

#[test]
fn every_link_leads_to_a_file() {
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let path = document.parent().expect("its folder").join(file);
            assert!(path.exists(), "{} links to {file}, which is not there", document.display());
        }
    }
}

#[test]
fn every_metric_that_a_document_names_exists() {
    let metrics = crossfade::metrics::Metrics::new().expect("they can be registered");
    metrics.rotation.know("s");
    metrics.know_audience("a", &["b"]);
    metrics.know_store_operation("read", &["done"]);
    metrics.config("0");
    let text = std::sync::Arc::new(metrics).text().expect("text").collect::<String>();
    for document in documents() {
        let document = fs::read_to_string(&document).expect("a document");
        for (at, _) in document.match_indices("crossfade_") {
            let name: String =
                document[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let is_a_path = document[at + name.len()..].starts_with("::");
            assert!(is_a_path || text.contains(&format!("# TYPE {name} ")), "no metric is named {name}");
        }
    }
}

#[test]
fn every_reason_to_turn_somebody_away_is_explained() {
    let operations = read("docs/operations.md");
    for reason in crossfade::metrics::Rejection::ALL {
        let named = format!("`{}`", reason.as_str());
        assert!(operations.contains(&named), "docs/operations.md does not say what {named} is");
    }
}

#[test]
fn every_dependency_has_its_reason_and_every_reason_its_dependency() {
    let architecture = read("docs/architecture.md");
    for (manifest, header, column) in
        [("Cargo.toml", "| crate | why |\n", 1), ("verify/Cargo.toml", "| with | crates | what for |\n", 2)]
    {
        let manifest = read(manifest);
        let after = manifest.split("\n[dependencies]\n").nth(1);
        let section = after.and_then(|rest| rest.split("\n[").next()).expect("its dependencies");
        let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
        let used: BTreeSet<String> = section.lines().filter(|line| !line.is_empty()).map(name).collect();
        let table = architecture.split(header).nth(1).expect("the table");
        let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
        let cells = rows.filter_map(|line| line.split('|').nth(column));
        let told: BTreeSet<String> =
            cells.flat_map(|cell| cell.split(',').map(|name| name.trim().to_owned())).collect();
        assert_eq!(used, told, "{header}");
    }
}

#[test]
fn the_accept_set_in_the_protocol_s_document_is_one() {
    let blocks = blocks(&read("docs/protocol.md"), "json");
    let set = blocks.first().expect("a sample").trim();
    let read = crossfade_verify::AcceptSet::parse(set.as_bytes(), "https://mcp.example.com/slack");
    assert_eq!(read.expect("a good set").to_json(), set, "in the bytes that are sent");
    let report: serde_json::Value = serde_json::from_str(blocks[1].trim()).expect("JSON");
    assert_eq!(report["counts"][0]["verdict"], "accepted");
}
