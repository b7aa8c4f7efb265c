//! Every metric exists from the start, at zero, and Prometheus' own linter has nothing to say.

#![expect(clippy::disallowed_methods, reason = "the linter's place is told by the test command")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crossfade::metrics::Metrics;

/// Every series family of the contract that this version can feed.
const FAMILIES: [&str; 29] = [
    "crossfade_rotations_total",
    "crossfade_rotation_phase",
    "crossfade_rotation_phase_duration_seconds",
    "crossfade_rotation_last_success_timestamp_seconds",
    "crossfade_next_rotation_timestamp_seconds",
    "crossfade_parked",
    "crossfade_version_created_timestamp_seconds",
    "crossfade_previous_deadline_timestamp_seconds",
    "crossfade_previous_last_used_timestamp_seconds",
    "crossfade_verifications_total",
    "crossfade_accepted_total",
    "crossfade_verify_duration_seconds",
    "crossfade_verifiers",
    "crossfade_propagation_duration_seconds",
    "crossfade_revocations_unconfirmed",
    "crossfade_accept_set_requests_total",
    "crossfade_store_requests_total",
    "crossfade_store_request_duration_seconds",
    "crossfade_store_view_age_seconds",
    "crossfade_http_rejected_total",
    "crossfade_config_reloads_total",
    "crossfade_config_info",
    "crossfade_audit_failures_total",
    "crossfade_drift",
    "crossfade_foreign_token",
    "crossfade_build_info",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_cpu_seconds_total",
];

/// As the daemon makes them before it has done anything.
fn from_the_start() -> String {
    let metrics = Metrics::new().expect("they can be registered");
    metrics.rotation.know("mcp/slack-bot-token");
    metrics.know_audience("https://mcp.example.com/slack", &["slack-bot"]);
    metrics.know_store_operation("read", &["done", "unavailable"]);
    metrics.config("0123456789abcdef");
    std::sync::Arc::new(metrics).text().expect("text").collect::<String>()
}

#[test]
fn every_metric_exists_from_the_start() {
    let text = from_the_start();
    for family in FAMILIES {
        let series = |line: &str| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket"))
        };
        assert!(text.lines().any(series), "{family} has no series in\n{text}");
    }
}

#[test]
fn what_counts_begins_at_zero() {
    for line in
        from_the_start().lines().filter(|line| line.starts_with("crossfade_") && line.contains("_total"))
    {
        assert!(line.ends_with(" 0"), "{line}");
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let Ok(promtool) = std::env::var("PROMTOOL") else {
        println!("not run: PROMTOOL names none; `cargo xtask test --system` gets it");
        return;
    };
    let mut linter = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{promtool} can't be started: {error}"));
    linter.stdin.take().expect("stdin").write_all(from_the_start().as_bytes()).expect("a write");
    let output = linter.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
