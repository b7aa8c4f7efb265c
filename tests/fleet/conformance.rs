//! The MCP project's own conformance suite, on the example servers behind our layer and without it: the layer takes
//! nothing away from a server, and adds nothing. What a server of one tool can't pass is in `docs/conformance.md`, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::{
    bots::{ask, passed},
    front::Front,
    servers::{Kind, Server, Setting, kinds, root},
    world::{World, until},
};

/// The eras of the protocol, by the revisions of which the suite says what they require.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// In our layer's place: everybody is let in.
const OPEN_SCRIPT: &str = r#"
import { register } from "node:module";
const layer = `
  export const requireToken = () => (request, response, next) => next();
  export const Verifier = { connect: async () => ({ close: async () => {} }) };
`;
const hooks = `
  const layer = "data:text/javascript," + ${JSON.stringify(encodeURIComponent(layer))};
  export const resolve = async (specifier, context, next) =>
    specifier === "@crossfade/verify" ? { url: layer, shortCircuit: true } : next(specifier, context);
`;
register("data:text/javascript," + encodeURIComponent(hooks));
"#;
const OPEN_PACKAGE: [(&str, &str); 2] = [
    ("__init__.py", "Feed = Verifier = lambda *_, **__: None\n"),
    ("asgi.py", "RequireToken = lambda app, *_, **__: app\n"),
];

/// By scenario and check: how it ended.
type Results = BTreeMap<(String, String), Vec<String>>;

fn run(front: &Front, revision: &str, into: &Path) -> Results {
    let program = |name| std::env::var_os(name).expect("the test command names it with the suite");
    let mut suite = Command::new(program("MCP_NODE"));
    suite
        .arg(program("MCP_CONFORMANCE"))
        .args(["server", "--url", &format!("http://{}/mcp", front.address), "--requirements", revision])
        .arg("--output-dir")
        .arg(into)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // It fails where a scenario does; what failed is what we compare.
    suite.status().expect("node");
    let mut results = Results::new();
    for folder in fs::read_dir(into).expect("results").flatten() {
        let name = folder.file_name().into_string().expect("text");
        // server-SCENARIO-2026-01-01T00-00-00-000Z
        let scenario = &name["server-".len()..name.len() - "-2026-01-01T00-00-00-000Z".len()];
        let checks = fs::read(folder.path().join("checks.json")).unwrap_or_else(|_| b"[]".to_vec());
        let checks: Vec<Value> = serde_json::from_slice(&checks).expect("JSON");
        for check in checks {
            let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
            results.entry((scenario.to_owned(), text("id"))).or_default().push(text("status"));
        }
    }
    results
}

/// A server whose layer lets everybody in.
fn unguarded(kind: &Kind, world: &World) -> Server {
    let mut setting = Setting { feeds: vec!["http://127.0.0.1:9".to_owned()], ..Setting::default() };
    let mut kind = kind.clone();
    if kind.language == "rust" {
        // Its own, without the guard: nothing of a program can be replaced.
        kind = kind.beside("examples/rmcp-unguarded");
    } else if kind.language == "python" {
        let package = world.path("open/crossfade_verify");
        fs::create_dir_all(&package).expect("a folder");
        for (file, text) in OPEN_PACKAGE {
            fs::write(package.join(file), text).expect("a write");
        }
        setting.environment.push(("PYTHONPATH", world.path("open").into_os_string()));
    } else {
        let script = world.path("open.mjs");
        fs::write(&script, OPEN_SCRIPT).expect("a write");
        kind = kind.run_with(OsString::from(format!("--import={}", script.display())));
    }
    Server::start_with(&kind, &setting).expect("it listens")
}

/// What the document lists as beyond an example of one tool.
fn excused() -> BTreeSet<String> {
    let document = fs::read_to_string(root().join("docs/conformance.md")).expect("the document");
    let (_, table) = document.split_once("| scenarios | why |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| row.split('|').nth(1));
    names.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

/// Scenarios of which a check failed.
fn failed(results: &Results) -> BTreeSet<String> {
    let failed = results.iter().filter(|(_, ends)| ends.iter().any(|end| end == "FAILURE"));
    failed.map(|((scenario, _), _)| scenario.clone()).collect()
}

/// Each server, and the eras that its SDK speaks; without `full` one server in the newest.
fn servers(full: bool) -> Vec<(&'static str, Kind, &'static [&'static str])> {
    let all = kinds().into_iter().flat_map(|kind| match kind.language {
        "typescript" => vec![
            ("the TypeScript SDK v1", kind.clone(), &REVISIONS[..1]),
            ("the TypeScript SDK v2", kind.beside("server-v2.js"), &REVISIONS[..]),
        ],
        "python" => vec![("FastMCP", kind, &REVISIONS[..])],
        _ => vec![("rmcp", kind, &REVISIONS[..])],
    });
    if full {
        return all.collect();
    }
    let one = all.filter(|(name, ..)| name.ends_with("v2"));
    one.map(|(name, kind, revisions)| (name, kind, &revisions[1..])).collect()
}

#[test]
fn behind_the_layer_a_server_conforms_as_it_does_without() {
    let full = std::env::var_os("CROSSFADE_FULL").is_some();
    let servers = servers(full);
    if servers.is_empty() || std::env::var_os("MCP_CONFORMANCE").is_none() {
        println!("not run: `cargo xtask test` builds the servers, and fetches the suite");
        return;
    }
    let world = World::new("30m");
    let _daemon = world.start();
    let token = world.token();
    let (mut beyond, excused) = (BTreeSet::new(), excused());
    for (name, kind, revisions) in servers {
        let open = unguarded(&kind, &world);
        let guarded = Server::start(&kind, &[format!("http://127.0.0.1:{}", world.listen)], None);
        until("it lets us in", || {
            ask(guarded.address, "Authorization", &token).filter(|status| passed(*status))
        });
        for revision in revisions {
            let at = |which: &str| world.path(&format!("{name}-{revision}-{which}"));
            let front = Front::of(guarded.address, Some(format!("Authorization: Bearer {token}")));
            let (behind, without) = thread::scope(|scope| {
                let behind = scope.spawn(|| run(&front, revision, &at("behind")));
                let without = run(&Front::of(open.address, None), revision, &at("without"));
                (behind.join().expect("it ran"), without)
            });
            assert!(behind.len() > 20, "{name} {revision}: {behind:?}");
            let checks = behind.keys().chain(without.keys());
            let differs: Vec<_> = checks.filter(|check| behind.get(*check) != without.get(*check)).collect();
            assert!(differs.is_empty(), "{name} {revision}: other behind the layer: {differs:?}");
            let failed = failed(&behind);
            let scenarios: BTreeSet<&String> = behind.keys().map(|(scenario, _)| scenario).collect();
            let passed: Vec<_> =
                scenarios.into_iter().filter(|scenario| !failed.contains(*scenario)).collect();
            println!("{name}, {revision}: passes {passed:?}, {} not", failed.len());
            beyond.extend(failed);
        }
    }
    let unexcused: Vec<_> = beyond.difference(&excused).collect();
    assert!(unexcused.is_empty(), "not in the document: {unexcused:?}");
    assert!(!full || beyond == excused, "in the document, and passed: {:?}", excused.difference(&beyond));
}
