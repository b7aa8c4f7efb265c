//! `rotate`: a rotation now, of one secret or all, or one pass of whatever is due.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{
    Exit, UsageError,
    context::{Context, Hands},
    dry_run, orders, output,
};
use crate::{
    http::operator::{OrderError, SecretStatus, Unnamed},
    rotation::{plan::Demand, ring::VersionId},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossfade rotate mcp/slack-bot-token --wait      and see each phase
  crossfade rotate --all                        every secret of the config
  crossfade rotate mcp/slack-bot-token --compromised --wait
  crossfade rotate --due --wait                 for a cron job: no daemon needed

Exits 0 when the pending version stands in the store, with --wait when it is current; 3 past --timeout.")]
pub(super) struct RotateArgs {
    /// The secret's name
    #[arg(required_unless_present_any = ["all", "due"], conflicts_with_all = ["all", "due"])]
    secret: Option<String>,
    /// Every secret of the config
    #[arg(long, conflicts_with_all = ["due", "if_current"])]
    all: bool,
    /// One pass over what the schedules say is due, on the store directly
    #[arg(long, conflicts_with_all = ["if_current", "compromised", "dry_run", "timeout"])]
    due: bool,
    /// Wait until the new version is current
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds [default: soak + 60]
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    timeout: Option<u64>,
    /// Only if that version is still current, else do nothing (safe to repeat); eight digits of its id are enough
    #[arg(long, value_name = "VERSION")]
    if_current: Option<String>,
    /// The token has leaked: end all versions; the current one ends when its replacement has soaked
    #[arg(long)]
    compromised: bool,
    /// Show the next steps and when; change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
}

pub(super) async fn run(context: &Context, args: RotateArgs) -> Result<Exit> {
    if args.due {
        return due(context, args.wait).await;
    }
    let hands = context.hands(args.wait).await?;
    let names = match &args.secret {
        Some(name) => vec![name.clone()],
        None => hands.names().await?,
    };
    if args.dry_run {
        for name in &names {
            dry_run::run(&hands, name, args.compromised).await?;
        }
        return Ok(Exit::Done);
    }
    let mut began = Vec::new();
    for name in &names {
        let status = hands.operator.secret(name).await?;
        if let Some(seen) = order(&hands, &status, args.if_current.as_deref(), args.compromised).await? {
            began.push((name.clone(), seen, Duration::from_millis(status.soak_ms)));
        }
    }
    let mut exit = Exit::Done;
    for (name, seen, soak) in began.iter().filter(|_| args.wait) {
        let patience = args.timeout.map(Duration::from_secs);
        let patience = patience.unwrap_or(*soak + Duration::from_secs(60));
        if !wait(&hands, name, *seen, patience).await? {
            exit = Exit::Unknown;
        }
    }
    Ok(exit)
}

/// Orders the rotation; none where another version is current already.
async fn order(
    hands: &Hands,
    status: &SecretStatus,
    if_current: Option<&str>,
    compromised: bool,
) -> Result<Option<VersionId>> {
    let name = &status.secret;
    let current = orders::current(status)?;
    if let Some(wanted) = if_current
        && !names(status, wanted, current)?
    {
        output::say(&format!(
            "{name}: version {wanted} is not current any more (that is {current}): nothing to do"
        ));
        return Ok(None);
    }
    let demand = if compromised { Demand::Compromised { current } } else { Demand::Rotate { current } };
    let after = hands.operator.order(name, demand).await?;
    let now = after.now_ms.unwrap_or_default();
    if compromised {
        output::say(&format!(
            "{name}: all versions are marked as ended; {current} stays accepted until its replacement has soaked"
        ));
    }
    match (orders::standing(&after, "pending"), after.promotes_ms) {
        (Some(pending), Some(at)) => {
            let pending = &pending.version;
            output::say(&format!(
                "{name}: version {pending} is pending; it can be promoted {}",
                output::relative(at, now)
            ));
        }
        _ if compromised => output::say(&format!("{name}: the replacement is made next")),
        _ => output::say(&format!("{name}: version {current} was replaced already")),
    }
    if !hands.daemon {
        output::note("who promotes it: a daemon, the next `rotate --due`, or `rotate --wait`");
    }
    Ok(Some(current))
}

/// Whether a person means that version. One that is not known any more is none of those that are.
fn names(status: &SecretStatus, wanted: &str, version: VersionId) -> Result<bool> {
    match status.version(wanted) {
        Err(Unnamed::Nobody { .. }) => Ok(false),
        _ => Ok(orders::version(status, wanted)? == version),
    }
}

/// Shows the phases as they pass. Whether the version that was seen has been replaced.
async fn wait(hands: &Hands, name: &str, seen: VersionId, patience: Duration) -> Result<bool> {
    let progress = super::output::Progress::new();
    let until = tokio::time::sleep(patience);
    let mut until = std::pin::pin!(until);
    loop {
        match hands.operator.secret(name).await {
            Ok(status) => {
                let current = orders::standing(&status, "current");
                if let Some(current) = current.filter(|c| c.version != seen.to_string()) {
                    progress.done(&format!("{name}: version {} is current", current.version));
                    report_previous(&status, seen);
                    return Ok(true);
                }
                progress.show(&waiting_for(&status));
            }
            // It may be restarting; the rotation goes on all the same.
            Err(OrderError::Unknown(why)) => progress.show(&format!("{name}: {why}")),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = &mut until => {
                progress.done(&format!(
                    "{name}: not promoted within {}; it goes on by itself. See `crossfade status {name}`",
                    output::span(patience)
                ));
                return Ok(false);
            }
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
}

fn waiting_for(status: &SecretStatus) -> String {
    let name = &status.secret;
    let phase = status.phase.as_str();
    let message = status.message.as_deref();
    match (status.promotes_ms, status.now_ms) {
        (Some(at), Some(now)) if at > now => {
            let left = Duration::from_millis(at - now).as_secs() + 1;
            format!("{name}: {phase}: every verifier learns of the new version; {left} s left")
        }
        _ => format!("{name}: {phase}: {}", message.unwrap_or("the next step is on its way")),
    }
}

fn report_previous(status: &SecretStatus, seen: VersionId) {
    let name = &status.secret;
    let previous = status.versions.iter().find(|v| v.version == seen.to_string());
    match (previous.filter(|p| !p.ended).and_then(|p| p.deadline_ms), status.now_ms) {
        (Some(at), Some(now)) => {
            output::say(&format!(
                "{name}: version {seen} is previous, and accepted until {} ({})",
                output::on_wall(at, now),
                output::relative(at, now)
            ));
        }
        _ => output::say(&format!("{name}: version {seen} is not accepted any more")),
    }
}

async fn due(context: &Context, wait: bool) -> Result<Exit> {
    let config = context.config()?;
    if config.secrets.is_empty() {
        return Err(UsageError("the config has no secrets: nothing can be due".to_owned()).into());
    }
    let well = crate::app::one_shot(&config, wait, |status| {
        output::say(&format!(
            "{}: {}{}",
            status.secret,
            status.phase.as_str(),
            status.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default()
        ));
    });
    Ok(if well.await? { Exit::Done } else { Exit::Failed })
}
