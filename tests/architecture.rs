//! Who may import whom. The table lists every module; one that is missing fails, and so does an allowance that nobody
//! uses, and a circle of files. What counts as a use, `architecture/uses.rs` says.

#[path = "architecture/map.rs"]
mod map;
#[path = "architecture/uses.rs"]
mod uses;

use std::collections::BTreeSet;

use uses::{Source, Use, circle, files, is_below, sources};

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
    rule("causes", &[], PURE),
    rule("labels", &[], PURE),
    rule("lock", &[], PURE),
    rule("rotation", &[], PURE),
    rule("rotation::ring", &["time"], PURE),
    rule("rotation::policy", &["rotation", "time"], PURE),
    rule("rotation::schedule", &["time"], PURE),
    rule("rotation::plan", &["rotation", "time"], PURE),
    rule("rotation::transition", &["rotation", "time"], PURE),
    rule("token", &["rotation::ring"], &["tracing", "tokio"]),
    rule("store", &["rotation::ring", "rotation::plan", "time"], &["engine", "aws_sdk"]),
    rule("store::limits", &["rotation::policy"], PURE),
    rule("store::aws", &["store", "rotation", "token", "time", "clock", "quiet"], &["engine", "std::env"]),
    rule("store::aws::name", &[], PURE),
    rule("store::aws::limits", &["store", "rotation::policy", "time"], PURE),
    rule("store::aws::label", &["rotation::ring", "time"], PURE),
    rule("store::aws::memory", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::view", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::label_quota", &["store", "rotation::ring", "time"], PURE),
    rule("store::aws::cleanup", &["store", "rotation::ring", "time"], PURE),
    rule("store::embedded", &["store", "rotation", "token", "time", "clock", "ownership"], &["engine"]),
    rule("store::decorators", &["store", "rotation", "time", "clock", "causes"], &["engine", "crate::token"]),
    rule(
        "engine",
        &["rotation", "store", "clock", "time", "quiet", "causes", "lock"],
        &["store::embedded", "crate::token"],
    ),
    rule("distribution", &["rotation::ring", "clock", "time", "lock"], &["crate::token", "crate::store"]),
    rule("metrics", &["engine", "rotation", "time", "lock"], &["crate::token", "tokio"]),
    rule("audit", &["time", "ownership", "quiet", "lock"], &["crate::token", "expose", "tokio"]),
    // The one place where the log meets a runtime: whoever waits for it there holds no thread.
    rule("audit::waiting", &["audit", "time"], &["crate::token", "expose"]),
    rule("http", &["distribution", "metrics", "clock"], &["crate::token", "crate::store", "crate::config"]),
    rule("http::operator", &["rotation::plan", "rotation::ring"], &[]),
    rule("http::admin", &["http", "rotation::plan", "audit", "clock", "time", "quiet"], &[]),
    rule(
        "http::token",
        &["http", "token", "audit", "clock", "distribution", "metrics", "time", "quiet", "causes", "lock"],
        &["crate::store", "crate::config"],
    ),
    rule("http::auth", &["http", "lock"], &[]),
    rule("http::tls", &["http", "clock"], &["std::fs", "SystemTime", "Instant"]),
    rule("http::api", &["http"], &[]),
    rule("http::gate", &["http", "clock", "metrics", "quiet"], &[]),
    rule("http::introspect", &["http", "distribution"], &[]),
    rule("http::verdict", &["http", "clock", "distribution", "metrics"], &[]),
    rule("http::server", &["http", "metrics", "clock", "quiet"], &[]),
    rule("http::connection", &["http", "metrics"], &[]),
    rule("http::background", &[], &[]),
    rule("http::capacity", &["http::limits"], PURE),
    rule("http::body", &["http::limits"], &[]),
    rule("http::share", &["http::limits"], &[]),
    rule("http::unauthenticated", &["lock"], &[]),
    rule("http::wire", &["http"], &[]),
    rule("http::telemetry", &["http", "metrics"], &[]),
    rule("http::listener", &["http"], &[]),
    rule("http::error", &[], &[]),
    rule("http::limits", &[], &[]),
    rule(
        "config",
        &["rotation", "store::embedded", "store::aws", "store::Format", "store::Limits", "ownership"],
        &["tokio", "std::env", "aws_"],
    ),
    rule("lifecycle", &[], &[]),
    rule("app", ANY, &[]),
    rule("cli", ANY, &[]),
    rule("lib", &[], &[]),
    rule("main", &[], &[]),
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

fn rule_of(module: &str) -> Option<&'static Rule> {
    RULES.iter().filter(|rule| is_below(module, rule.module)).max_by_key(|rule| rule.module.len())
}

#[test]
fn every_module_imports_only_what_it_may() {
    let mut wrong = Vec::new();
    for source in &sources("src") {
        let Source { path, module, .. } = source;
        let code = source.code();
        let Some(rule) = rule_of(module) else {
            wrong.push(format!("{}: the module {module} has no rule", path.display()));
            continue;
        };
        for Use { path: import, .. } in source.uses() {
            let allowed = rule.may_use.iter().any(|may| is_below(&import, may));
            if !allowed && !is_below(&import, rule.module) {
                let may_use = rule.may_use;
                wrong.push(format!("{}: {module} may not use {import} (only {may_use:?})", path.display()));
            }
        }
        for word in rule.never.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{}: {module} may never mention {word:?}", path.display()));
        }
        for (word, homes) in ONLY_IN.iter().filter(|(word, _)| code.contains(word)) {
            if !homes.iter().any(|home| is_below(module, home)) {
                wrong.push(format!("{}: {word:?} stands outside {homes:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_may_use_what_it_does_not_use() {
    let sources = sources("src");
    let sources = sources.iter().filter(|source| !source.is_tests());
    let uses: Vec<_> = sources.filter_map(|source| Some((rule_of(&source.module)?, source.uses()))).collect();
    for Rule { module, may_use, .. } in RULES {
        let of_it = || uses.iter().filter(|(rule, _)| rule.module == *module).flat_map(|(_, uses)| uses);
        for may in *may_use {
            let is_used = of_it().any(|import| is_below(&import.path, may));
            assert!(is_used, "{module} does not use {may:?}: take that out of its rule");
        }
    }
}

#[test]
fn no_two_files_use_each_other_in_a_circle() {
    for root in ["src", "verify/src"] {
        let files = files(&sources(root));
        let circle = circle(&files).unwrap_or_default();
        let next = circle.iter().cycle().skip(1);
        let each = circle.iter().zip(next).map(|(file, other)| {
            let path = &files[*file][*other];
            format!("{file} uses {other} ({path})")
        });
        let each: Vec<_> = each.collect();
        assert!(each.is_empty(), "there is a circle in {root}:\n{}", each.join("\n"));
    }
}

/// What of the embedded verifier comes with a feature, and words that must not stand there. All else is the core.
const FEATURES: &[(&str, &[&str])] = &[
    (
        "verifier",
        &["tokio", "axum", "tracing", "std::fs", "std::net", "Instant", "SystemTime", "std::env", "unsafe "],
    ),
    ("tower", &["tokio", "axum", "tracing", "clock_gettime", "std::fs", "std::net", "std::env", "unsafe "]),
    (
        "feed",
        &["axum", "tracing", "clock_gettime", "std::time::Instant", "SystemTime", "std::env", "unsafe "],
    ),
    ("bot", &["axum", "tracing", "clock_gettime", "std::fs", "SystemTime", "std::env", "unsafe "]),
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
    for source in sources("verify/src") {
        let feature = FEATURES.iter().find(|(feature, _)| is_below(&source.module, feature));
        for word in feature.map_or(core, |(_, never)| never) {
            assert!(!source.code().contains(word), "{} mentions {word:?}", source.path.display());
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
    for source in &all {
        let lines = source.text.lines().count();
        assert!(source.is_tests() || lines <= 350, "{} has {lines} lines", source.path.display());
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
