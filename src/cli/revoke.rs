//! `revoke`: ends versions at once, after showing who used them last.

use std::{
    io::{BufRead, IsTerminal},
    time::Duration,
};

use anyhow::Result;
use clap::Args;

use super::{
    context::{Backend, Context},
    exit::{Exit, UsageError},
    orders, output,
};
use crate::{
    http::operator::{OrderError, OrderReport, SecretStatus, VerifiersStatus, VersionStatus},
    rotation::{plan::Request, ring::VersionId},
};

/// For the order to stand in the store; then for the verifiers, as long as the person says.
const ORDER_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossfade revoke mcp/slack-bot-token --previous        the old tokens, before their deadlines
  crossfade revoke mcp/slack-bot-token --version ID
  crossfade revoke mcp/slack-bot-token --all             the current one too: bots are refused until they read the new one

The current version alone can't be ended: bots would be left without a token.")]
#[command(group = clap::ArgGroup::new("which").required(true).args(["previous", "version", "all"]))]
pub(super) struct RevokeArgs {
    /// The secret's name
    secret: String,
    /// Every previous version
    #[arg(long)]
    previous: bool,
    /// That version: its id, or eight digits of it or more
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    /// Every version; a new one becomes current at once
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Wait until every verifier has confirmed
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "wait")]
    timeout: u64,
}

pub(super) async fn run(context: &Context, args: RevokeArgs) -> Result<Exit> {
    let backend = context.backend(false).await?;
    let name = &args.secret;
    let status = backend.operator.secret(name).await?;
    if status.standing("current").is_none() {
        let why = status.message.as_deref().unwrap_or("it was not read yet");
        let by_hand =
            "On AWS an end can be written by hand, without reading a value: docs/operations.md, After a leak";
        return Err(
            OrderError::Unknown(format!("{name}: what is accepted is not known: {why}. {by_hand}")).into()
        );
    }
    let named = args.version.as_deref().map(|version| orders::version(&status, version)).transpose()?;
    let open: Vec<&VersionStatus> =
        status.versions.iter().filter(|version| concerns(&args, named, version)).collect();
    for version in &open {
        output::note(&describe(version, &status));
    }
    // Where nothing was shown, a read of the order's own says whether that is so.
    let shown = !(open.is_empty() && args.previous);
    if shown && !args.yes && !confirmed(&args)? {
        output::note("nothing was revoked");
        return Ok(Exit::Failed);
    }
    let request = match named {
        Some(version) => Request::Revoke { version },
        None if args.all => Request::RevokeAll { named: None },
        // What that one has replaced since was shown to nobody.
        None => Request::RevokePrevious { named: Some(orders::current(&status)?) },
    };
    let order = backend.operator.order(name, request);
    let Ok(done) = tokio::time::timeout(ORDER_PATIENCE, order).await else {
        output::note(&format!("{name}: not confirmed within {}", output::span(ORDER_PATIENCE)));
        return Ok(Exit::Unknown);
    };
    let report = done.map_err(not_shown)?;
    say_done(&backend, &args, &report);
    let replaced = orders::replaced(&report);
    if args.wait {
        Ok(replaced.or(confirmations(&backend, name, Duration::from_secs(args.timeout)).await?))
    } else {
        Ok(replaced)
    }
}

/// Nobody was shown what has become previous since, and it may be what bots still use.
fn not_shown(error: OrderError) -> OrderError {
    match error {
        OrderError::NotCurrent(why) => OrderError::NotCurrent(format!(
            "{why}. Nothing was ended, for what it has replaced was not shown to you: repeat the order, which shows it"
        )),
        error => error,
    }
}

/// What the order has ended, and what is accepted all the same.
fn say_done(backend: &Backend, args: &RevokeArgs, report: &OrderReport) {
    let OrderReport { secret: status, order } = report;
    let name = &args.secret;
    if order.ended.is_empty() && args.previous {
        output::say(&format!("{name}: no previous version is accepted: nothing to revoke"));
    } else {
        orders::say_ended(report);
        let where_ = if backend.daemon {
            "published by this daemon"
        } else {
            "in the store; running daemons see it within `sync`"
        };
        output::say(&format!("{name}: the marks are {where_}"));
    }
    let Some(current) = status.standing("current").filter(|_| args.all) else { return };
    if current.version != order.version {
        output::say(&format!("{name}: version {} is current, and took its place", current.version));
    } else if current.ended && order.held_up.is_none() {
        let unread = status.message.as_deref().filter(|_| current.unread);
        let so_far = unread.map(|why| format!(". So far: {why}")).unwrap_or_default();
        output::say(&format!("{name}: its replacement is made current at once, without a soak{so_far}"));
    }
}

/// Waits until every verifier has said that it applied the ending, and names those that have not.
async fn confirmations(backend: &Backend, name: &str, patience: Duration) -> Result<Exit> {
    let everybody = async {
        loop {
            let seen = backend.operator.secret(name).await?.verifiers;
            if seen.as_ref().is_none_or(|verifiers| verifiers.unconfirmed == 0) {
                return Ok::<_, OrderError>(seen);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if let Ok(seen) = tokio::time::timeout(patience, everybody).await {
        let Some(VerifiersStatus { up_to_date, behind, gone, .. }) = seen? else {
            output::say(&format!("{name}: which verifiers have confirmed is not known without a daemon"));
            return Ok(Exit::Unknown);
        };
        output::say(&format!(
            "{name}: confirmed by all verifiers of this daemon: {}",
            up_to_date + behind + gone
        ));
        return Ok(Exit::Done);
    }
    let verifiers = backend.operator.secret(name).await?.verifiers.unwrap_or_default();
    output::say(&format!(
        "{name}: not confirmed within {} by {}:",
        output::span(patience),
        verifiers.unconfirmed
    ));
    for verifier in verifiers.late.iter().filter(|verifier| !verifier.confirmed) {
        output::say(&format!("  {}", output::late(verifier)));
    }
    Ok(Exit::Unknown)
}

fn concerns(args: &RevokeArgs, named: Option<VersionId>, version: &VersionStatus) -> bool {
    let named = named.is_some_and(|id| id.to_string() == version.version);
    !version.ended && (args.all || named || (args.previous && version.stage == "previous"))
}

fn describe(version: &VersionStatus, status: &SecretStatus) -> String {
    let VersionStatus { version: id, stage, .. } = version;
    let used = match (version.last_used_ms, status.now_ms, &version.last_used_by) {
        (Some(at), Some(now), Some(by)) => format!("last used {} at {by}", output::relative(at, now)),
        (_, Some(now), _) if let Some(since) = version.watched_since_ms => {
            let watched = output::span(Duration::from_millis(now.saturating_sub(since)));
            format!("no use of it was heard of by this daemon, which has watched it for {watched}")
        }
        _ => "whether it is used is not known without a daemon".to_owned(),
    };
    format!("{stage} version {id}: {used}")
}

fn confirmed(args: &RevokeArgs) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        let hint = "nobody can be asked on this input: repeat it with --yes";
        return Err(UsageError(hint.to_owned()).into());
    }
    output::note(&format!("End these of {} at once? Whoever still holds one is refused. [y/N]", args.secret));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
