//! `status`: a table that a person can read at 3 a.m.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};

use super::{
    context::{Backend, Context},
    exit::Exit,
    output,
};
use crate::{
    http::operator::{SecretStatus, VerifiersStatus, VersionStatus},
    rotation::plan::Phase,
};

/// Verifiers that are late and shown by name, for each audience.
const SHOWN_LATE: usize = 10;

/// How a list is printed.
#[derive(Copy, Clone, Default, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum OutputFormat {
    #[default]
    Table,
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Exits 1 when a secret is parked or overdue.")]
pub(super) struct StatusArgs {
    /// Only this secret
    secret: Option<String>,
    /// Show it again each second, until interrupted
    #[arg(long)]
    watch: bool,
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<Exit> {
    let backend = context.backend(false).await?;
    loop {
        let all = match &args.secret {
            Some(name) => vec![backend.operator.secret(name).await?],
            None => backend.operator.secrets().await?,
        };
        // A daemon of before has none, and the secrets count.
        let notices = backend.operator.notices().await.unwrap_or_default();
        let text = match args.output {
            OutputFormat::Json => {
                notices.iter().for_each(|notice| output::note(notice));
                serde_json::to_string_pretty(&all)?
            }
            OutputFormat::Table => {
                notices.iter().map(|n| format!("{n}\n\n")).chain([render(&all, &backend)]).collect()
            }
        };
        if args.watch && args.output == OutputFormat::Table {
            // Clear, and home: the table stays in its place.
            output::say(&format!("\x1b[2J\x1b[H{text}"));
        } else {
            output::say(&text);
        }
        // Nobody watches any more.
        if !args.watch || !output::can_say() {
            let bad = all.iter().any(|s| s.overdue || s.phase == Phase::Parked);
            return Ok(if bad { Exit::Failed } else { Exit::Done });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn render(all: &[SecretStatus], backend: &Backend) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["SECRET", "PHASE", "STAGE", "VERSION", "MADE", "ACCEPTED", "LAST USED", "NEXT SLOT"]);
    for secret in all {
        let now = secret.now_ms.unwrap_or_default();
        let slot = output::next_slot(secret);
        let slot = if secret.overdue { format!("overdue, {slot}") } else { slot };
        let mut first = [secret.secret.clone(), secret.phase.as_str().to_owned(), slot];
        for version in &secret.versions {
            let [name, phase, slot] = std::mem::take(&mut first);
            table.add_row([
                name,
                phase,
                version.stage.clone(),
                version.version.chars().take(8).collect(),
                output::relative(version.created_ms, now),
                accepted(version, secret),
                used(version, now),
                slot,
            ]);
        }
        if secret.versions.is_empty() {
            let [name, phase, slot] = first;
            table.add_row([name, phase, "-".into(), "-".into(), "-".into(), "-".into(), "-".into(), slot]);
        }
    }
    let mut text = table.trim_fmt();
    for secret in all {
        if let Some(why) = &secret.why {
            text.push_str(&format!("\n\n{}: {}, because {why}", secret.secret, secret.phase.as_str()));
        }
        if let Some(message) = &secret.message {
            text.push_str(&format!("\n\n{}: {message}", secret.secret));
        }
    }
    let audiences: BTreeMap<&str, &VerifiersStatus> =
        all.iter().filter_map(|secret| Some((&*secret.audience, secret.verifiers.as_ref()?))).collect();
    if !audiences.is_empty() {
        text.push('\n');
    }
    for (audience, verifiers) in audiences {
        text.push_str(&following(audience, verifiers));
    }
    let whose = if backend.daemon {
        "verifiers and uses: as seen by this daemon, and as reported to it"
    } else {
        "verifiers and uses: not known without a daemon"
    };
    format!("{text}\n\n{whose}")
}

/// Who follows the accept set of an audience, those who are late by name.
fn following(audience: &str, verifiers: &VerifiersStatus) -> String {
    let VerifiersStatus { up_to_date, behind, gone, late, .. } = verifiers;
    if up_to_date + behind + gone == 0 {
        return format!("\n{audience}: no verifier follows it here");
    }
    let mut text = format!("\n{audience}: verifiers {up_to_date} up to date, {behind} behind, {gone} gone");
    for verifier in late.iter().take(SHOWN_LATE) {
        text.push_str(&format!("\n  {}", output::late(verifier)));
    }
    if late.len() > SHOWN_LATE {
        text.push_str("\n  more with -o json");
    }
    text
}

fn accepted(version: &VersionStatus, secret: &SecretStatus) -> String {
    let now = secret.now_ms.unwrap_or_default();
    match (&*version.stage, version.deadline_ms) {
        (_, _) if version.no_token => "no (is no token)".to_owned(),
        ("current", _) if version.ended => "until replaced (ended)".to_owned(),
        (_, _) if version.ended => "no (ended)".to_owned(),
        (_, _) if version.unread => "not known (can't be read)".to_owned(),
        ("pending", _) => match secret.promotes_ms {
            Some(at) if at > now => format!("yes, current {}", output::relative(at, now)),
            _ => "yes".to_owned(),
        },
        (_, Some(at)) if at <= now => "no (past its deadline)".to_owned(),
        (_, Some(at)) => format!("ends {}", output::relative(at, now)),
        _ => "yes".to_owned(),
    }
}

fn used(version: &VersionStatus, now: u64) -> String {
    match (version.last_used_ms, &version.last_used_by) {
        (Some(at), Some(by)) => format!("{}, {by}", output::relative(at.min(now.saturating_sub(1)), now)),
        _ => match version.watched_since_ms {
            Some(since) => {
                format!("not in {}", output::span(Duration::from_millis(now.saturating_sub(since))))
            }
            None => "-".to_owned(),
        },
    }
}
