//! The section of `docs/results.md`, in Markdown: the same that is printed.

use std::{fs, thread, time::Duration};

use crate::{Kind, Plan, Results, Row};

/// All of it, with the terms and the machine.
pub fn text(plan: &Plan, results: &Results, date: &str) -> String {
    let mut text = terms(plan, results, date);
    let mut table = |title: &str, header: &[&str], cells: &dyn Fn(Kind, &Row) -> Vec<String>| {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text.push_str(&format!("\n{title}\n\n"));
        let names: Vec<String> = [""].iter().chain(header).map(|name| (*name).to_owned()).collect();
        text.push_str(&line(&names));
        text.push_str(&format!("|---|{}\n", "---:|".repeat(header.len())));
        for kind in Kind::ALL {
            let cells = results.rows.get(&kind).map(|row| cells(kind, row)).unwrap_or_default();
            if !cells.is_empty() {
                text.push_str(&line(&[vec![kind.name().to_owned()], cells].concat()));
            }
        }
    };
    let guarded = |kind: Kind, cells: Vec<String>| if kind == Kind::Bare { Vec::new() } else { cells };
    table(
        &format!("**One rotation**, with {} runs under way at each server:", plan.bots),
        &["runs hurt", "wrong refusals", "the old token is let in for", "late acceptances"],
        &|kind, row| {
            let tally = &row.once;
            let lasted = lasted(tally.lasted, tally.is_open);
            guarded(kind, vec![n(tally.hurt), n(tally.wrongly_refused()), lasted, n(tally.accepted_late)])
        },
    );
    if plan.throttled.is_none() {
        return text;
    }
    table(
        &format!(
            "**Two rotations**, the second {} after the first, within its grace (both together):",
            seconds(plan.again_after)
        ),
        &["runs hurt", "wrong refusals", "late acceptances"],
        &|kind, row| {
            let tally = &row.twice;
            guarded(kind, vec![n(tally.hurt), n(tally.wrongly_refused()), n(tally.accepted_late)])
        },
    );
    table(
        "**A leak**: how long the condemned token is let in after the order, by `rotate --compromised` and by `revoke --all` (d and e; \
         a new value elsewhere); and **AWS throttles**, while nothing rotates:",
        &[
            "let in for",
            "late acceptances",
            "new token refused",
            "`revoke --all`: let in for",
            "new token refused",
            "throttled: without an answer",
        ],
        &|kind, row| {
            let (leaked, revoked, throttled) = (&row.leaked, &row.revoked, &row.throttled);
            let share = 100.0 * throttled.unsure as f64 / throttled.calls.max(1) as f64;
            guarded(
                kind,
                vec![
                    lasted(leaked.lasted, leaked.is_open),
                    n(leaked.accepted_late),
                    n(leaked.wrongly_refused()),
                    lasted(revoked.lasted, revoked.is_open),
                    n(revoked.wrongly_refused()),
                    format!("{share:.0} %"),
                ],
            )
        },
    );
    let bare = results.rows.get(&Kind::Bare).and_then(|row| row.load.as_ref());
    table(
        "**What it costs** (calls of AWS while the bots are at work, and what else is a request's with nothing else going on; latencies as multiples of bare):",
        &["AWS calls a minute", "median", "99 of 100", "server's CPU a request", "daemon's CPU a request"],
        &|kind, row| {
            let (Some(load), Some(bare)) = (&row.load, bare) else { return Vec::new() };
            let calls = row.calls as f64 * 60.0 / results.watched.as_secs_f64();
            let daemon =
                if kind.is_ours() { format!("{:.0} µs", load.daemon_cpu) } else { "–".to_owned() };
            vec![
                if kind == Kind::Bare { "–".to_owned() } else { format!("{calls:.0}") },
                format!("{:.2}×", load.median / bare.median),
                format!("{:.2}×", load.p99 / bare.p99),
                format!("{:.2}× ({:.0} µs)", load.cpu / bare.cpu, load.cpu),
                if kind == Kind::Endpoint || kind == Kind::Embedded { daemon } else { "–".to_owned() },
            ]
        },
    );
    text
}

fn terms(plan: &Plan, results: &Results, date: &str) -> String {
    let Plan { scale, freshness, sync, store_lag, grace, ttl, cool_down, aws_delay, .. } = plan;
    let [freshness, sync, store_lag, grace, ttl, cool_down, kept, deadline, replaced] = [
        *freshness,
        *sync,
        *store_lag,
        *grace,
        *ttl,
        *cool_down,
        plan.rightful(),
        results.deadline,
        results.replaced_after,
    ]
    .map(seconds);
    format!(
        "Printed by `cargo xtask gap --seed {} --aws-delay-ms {}` on {date}, {}. A second of the run stands for {scale} of a real deployment:\n\
         freshness {freshness}, sync {sync}, store_lag {store_lag}, grace {grace}; TTL {ttl}, cool-down {cool_down}. A bot may keep what it has read for {kept}.\n\
         Each call of AWS takes {} ms more than the fake does. The deadline of the one rotation was {deadline} after the replacement; the leaked\n\
         token's replacement by the daemon was current {replaced} after the order.\n",
        plan.seed,
        aws_delay.as_millis(),
        machine(),
        aws_delay.as_millis(),
    )
}

fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} cores of {}", model.map_or("an unknown CPU", |(_, model)| model))
}

fn lasted(time: Duration, is_open: bool) -> String {
    if is_open { format!("more than {}", seconds(time)) } else { seconds(time) }
}

fn seconds(time: Duration) -> String {
    let tenths = format!("{:.2}", time.as_secs_f64());
    format!("{} s", tenths.trim_end_matches('0').trim_end_matches('.'))
}

fn n(count: u64) -> String {
    count.to_string()
}
