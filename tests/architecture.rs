//! Who may import whom. The table lists every module; one that is missing fails.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A module, what it may use of this crate, and words that must not stand in it.
struct Rule {
    module: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const PURE: &[&str] =
    &["async ", "tokio", "tracing", "std::fs", "std::net", "SystemTime", "Instant", "rand::"];
const ANY: &[&str] = &[""];

const fn rule(
    module: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
) -> Rule {
    Rule { module, may_use, never }
}

/// The longest module that fits a file counts. A module may always use what is below it.
const RULES: &[Rule] = &[
    rule("time", &[], PURE),
    rule("clock", &[], &[]),
    rule("ownership", &[], &["tokio", "tracing"]),
    rule("quiet", &[], PURE),
    rule("rotation", &[], &[]),
    rule("rotation::ring", &["rotation", "time"], PURE),
    rule("rotation::policy", &["rotation", "time"], PURE),
    rule("rotation::schedule", &["rotation", "time"], PURE),
    rule("rotation::plan", &["rotation", "time"], PURE),
    rule("rotation::transition", &["rotation", "time"], PURE),
    rule(
        "rotation::engine",
        &["rotation", "store", "clock", "time", "quiet"],
        &["store::embedded", "store::memory", "crate::token"],
    ),
    rule("token", &["rotation::ring"], &["tracing", "tokio"]),
    rule("store", &["rotation::ring", "rotation::plan", "time"], &["engine", "aws_sdk"]),
    rule("store::aws", &["store", "rotation", "token", "time", "clock", "quiet"], &["engine", "std::env"]),
    rule("store::aws::name", &[], PURE),
    rule("store::aws::label", &["rotation::ring", "time"], PURE),
    rule("store::aws::memory", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::view", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::room", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::chores", &["store", "rotation::ring", "time"], PURE),
    rule("store::memory", &["store", "rotation", "token", "time"], &["engine"]),
    rule("store::embedded", &["store", "rotation", "token", "time", "clock", "ownership"], &["engine"]),
    rule(
        "store::decorators",
        &["store", "rotation", "token", "time", "clock", "metrics", "audit"],
        &["engine"],
    ),
    rule("distribution", &["rotation::ring", "clock", "metrics", "time"], &["crate::token", "crate::store"]),
    rule("metrics", &["rotation", "time"], &["crate::token", "tokio"]),
    rule("audit", &["time", "ownership", "quiet"], &["crate::token", "expose", "tokio"]),
    // The one place where the log meets a runtime: whoever waits for it there holds no thread.
    rule("audit::waiting", &["audit", "time"], &["crate::token", "expose"]),
    rule(
        "http",
        &["distribution", "metrics", "clock", "time", "quiet"],
        &["crate::token", "crate::store", "crate::config"],
    ),
    rule("http::operator", &["rotation::plan", "rotation::ring"], &[]),
    rule(
        "http::admin",
        &["http", "rotation::plan", "rotation::ring", "audit", "clock", "time", "quiet"],
        &[],
    ),
    rule(
        "http::token",
        &["http", "token", "audit", "clock", "distribution", "metrics", "time", "quiet"],
        &["crate::store", "crate::config"],
    ),
    rule("http::auth", &["http"], &[]),
    rule("http::tls", &["http", "clock"], &["std::fs", "SystemTime", "Instant"]),
    rule("http::api", &["http"], &[]),
    rule("http::gate", &["http", "metrics"], &[]),
    rule("http::introspect", &["http", "distribution"], &[]),
    rule("http::verdict", &["http", "clock", "distribution", "metrics"], &[]),
    rule("http::server", &["http", "metrics", "clock", "quiet"], &[]),
    rule("http::connection", &["http", "metrics"], &[]),
    rule("http::crowd", &[], &[]),
    rule("http::capacity", &["http::limits"], PURE),
    rule("http::body", &["http::limits"], &[]),
    rule("http::share", &["http::limits"], &[]),
    rule("http::strangers", &[], &[]),
    rule("http::wire", &["http"], &[]),
    rule("http::telemetry", &["http", "metrics"], &[]),
    rule("http::listener", &["http"], &[]),
    rule("http::error", &[], &[]),
    rule("http::limits", &[], &[]),
    rule(
        "config",
        &["config", "rotation", "store::embedded", "store::aws", "store::Format", "time", "ownership"],
        &["tokio", "std::env", "aws_"],
    ),
    rule("lifecycle", &[], &[]),
    rule("app", ANY, &[]),
    rule("cli", ANY, &[]),
    rule("lib", ANY, &[]),
    rule("main", &["cli"], &[]),
];

/// What may stand nowhere but in one module.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("crate::app", &["app", "cli"]),
    (".expose()", &["token", "http::token", "store::embedded", "store::aws", "cli"]),
    ("rustls::", &["http::tls"]),
    ("webpki::", &["http::tls"]),
    ("rusqlite::", &["store::embedded"]),
    ("aws_sdk_secretsmanager::", &["store::aws"]),
    ("aws_config::", &["store::aws"]),
    ("prometheus::", &["metrics", "http::telemetry", "app"]),
    ("tokio_cron_scheduler::", &["app"]),
    ("std::env::var", &["cli::context"]),
    ("clock_gettime", &["clock"]),
];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn sources(root: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&root).expect("below it").with_extension("");
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push(Source { module: parts.join("::"), text, path });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The code without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The paths behind every `crate::`, with groups spelled out.
fn imports(code: &str) -> Vec<String> {
    code.match_indices("crate::").flat_map(|(at, found)| tree(&code[at + found.len()..]).0).collect()
}

/// A use tree: `a::b`, `a::{b, c::d as e}`, `a::*`. Also how much of the text it took.
fn tree(text: &str) -> (Vec<String>, usize) {
    let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = (&text[..word], &text[word..]);
    if let Some(inner) = rest.strip_prefix("::").filter(|_| !name.is_empty()) {
        let (below, took) = tree(inner);
        return (below.iter().map(|path| format!("{name}::{path}")).collect(), word + 2 + took);
    }
    let Some(group) = text.strip_prefix('{') else { return (vec![name.to_owned()], word.max(1)) };
    let (mut paths, mut at) = (Vec::new(), 0);
    loop {
        at += group[at..].find(|c: char| !c.is_whitespace() && c != ',').unwrap_or(group.len() - at);
        if group[at..].starts_with('}') || at >= group.len() {
            return (paths, at + 2);
        }
        let (found, took) = tree(&group[at..]);
        paths.extend(found);
        at += took;
        // What it is called here does not matter.
        if group[at..].starts_with(" as ") {
            at += group[at..].find([',', '}']).unwrap_or(group.len() - at);
        }
    }
}

fn is_below(path: &str, module: &str) -> bool {
    module.is_empty()
        || path == module
        || path.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"))
}

fn rule_of(module: &str) -> Option<&'static Rule> {
    RULES.iter().filter(|rule| is_below(module, rule.module)).max_by_key(|rule| rule.module.len())
}

#[test]
fn every_module_imports_only_what_it_may() {
    let mut wrong = Vec::new();
    for Source { path, module, text } in sources("src") {
        let code = code(&text);
        let Some(rule) = rule_of(&module) else {
            wrong.push(format!("{}: the module {module} has no rule", path.display()));
            continue;
        };
        for import in imports(&code) {
            let allowed = rule.may_use.iter().any(|may| is_below(&import, may));
            if !allowed && !is_below(&import, rule.module) {
                wrong.push(format!(
                    "{}: {module} may not use {import} (only {:?})",
                    path.display(),
                    rule.may_use
                ));
            }
        }
        for word in rule.never.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{}: {module} may never mention {word:?}", path.display()));
        }
        for (word, homes) in ONLY_IN.iter().filter(|(word, _)| code.contains(word)) {
            if !homes.iter().any(|home| is_below(&module, home)) {
                wrong.push(format!("{}: {word:?} stands outside {homes:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of the embedded verifier comes with a feature, and words that must not stand there. All else is the core.
const FEATURES: &[(&str, &[&str])] = &[
    (
        "verifier",
        &["tokio", "axum", "tracing", "std::fs", "std::net", "Instant", "SystemTime", "std::env", "unsafe "],
    ),
    ("layer", &["tokio", "axum", "tracing", "clock_gettime", "std::fs", "std::net", "std::env", "unsafe "]),
    (
        "feed",
        &["axum", "tracing", "clock_gettime", "std::time::Instant", "SystemTime", "std::env", "unsafe "],
    ),
    ("token_source", &["axum", "tracing", "clock_gettime", "std::fs", "SystemTime", "std::env", "unsafe "]),
];

#[test]
fn the_verifier_s_core_has_no_clock_no_io_and_no_logging() {
    // It may speak of lengths of time, and of a date in a grant: it reads no clock.
    let core: &[&str] = &[
        "tokio",
        "axum",
        "tracing",
        "clock_gettime",
        "std::fs",
        "std::net",
        "Instant",
        "SystemTime::now",
        "std::env",
        "println!",
        "unsafe ",
    ];
    for Source { path, text, module } in sources("verify/src") {
        let feature = FEATURES.iter().find(|(feature, _)| is_below(&module, feature));
        for word in feature.map_or(core, |(_, never)| never) {
            assert!(!code(&text).contains(word), "{} mentions {word:?}", path.display());
        }
    }
}

#[test]
fn every_rule_has_its_module_and_every_file_is_read_in_one_sitting() {
    let all: Vec<_> = sources("src").into_iter().chain(sources("verify/src")).collect();
    let modules: BTreeSet<&str> = all.iter().map(|source| source.module.as_str()).collect();
    for rule in RULES {
        assert!(modules.contains(rule.module), "the module {} is gone: take its rule out", rule.module);
    }
    for Source { path, module, text } in &all {
        let tests = module.ends_with("tests") || module.contains("::tests::");
        let lines = text.lines().count();
        assert!(tests || lines <= 350, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_main_function_only_parses_and_exits() {
    let main = sources("src").into_iter().find(|source| source.module == "main").expect("main.rs");
    assert!(main.text.lines().count() < 40);
}

/// Cargo (1.95) takes a table of a package's own for all that it says, so that such a binary keeps its symbols, a quarter
/// of its size, whatever the profile says of `strip`.
#[test]
fn what_is_handed_on_is_stripped() {
    let manifest = include_str!("../Cargo.toml");
    let dist = manifest.split("\n[").find_map(|table| table.strip_prefix("profile.dist]\n"));
    assert!(dist.is_some_and(|table| table.lines().any(|line| line == "strip = true")), "{dist:?}");
    for profile in ["release", "dist"] {
        let table = format!("[profile.{profile}.package.crossfade]");
        assert!(!manifest.contains(&table), "{table} makes cargo forget `strip`");
    }
}

#[test]
fn an_import_is_understood_however_it_is_written() {
    let code = "use crate::{a::{b, c::D as F}, e};\nfn f() { crate::g::h(); }";
    assert_eq!(imports(code), ["a::b", "a::c::D", "e", "g::h"]);
}
