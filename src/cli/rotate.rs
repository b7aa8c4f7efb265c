//! `rotate`: a rotation now, of one secret or all, or one pass of whatever is due.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{
    context::{Backend, Context},
    dry_run,
    exit::{Exit, UsageError},
    orders, output,
};
use crate::{
    http::operator::{OrderError, OrderReport, SecretStatus, Unnamed},
    rotation::plan::{Phase, Request},
};

/// A rotation that was ordered, and is waited for.
struct Begun {
    secret: String,
    /// What it replaces.
    current: String,
    /// What it replaces it with, as far as that is known.
    pending: Option<String>,
    soak: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossfade rotate mcp/slack-bot-token --wait   and see each phase
  crossfade rotate --all                        every secret of the config
  crossfade rotate mcp/slack-bot-token --compromised --wait
  crossfade rotate --due --wait                 for a cron job: no daemon needed

Exits 0 when the pending version stands in the store, with --wait when it is current; 3 past --timeout. With --all each
secret is tried, what came of it is said, and one that was refused makes it 1.")]
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
    let backend = context.backend(args.wait).await?;
    let names = match &args.secret {
        Some(name) => vec![name.clone()],
        None => backend.names().await?,
    };
    let mut results = Results { of_several: args.all, worst: Exit::Done };
    let mut begun = Vec::new();
    for name in &names {
        if args.dry_run {
            results.of(name, dry_run::run(&backend, name, args.compromised).await)?;
            continue;
        }
        let ordered = order(&backend, name, args.if_current.as_deref(), args.compromised).await;
        if let Some(report) = results.of(name, ordered)?.flatten() {
            let replaced = orders::replaced(&report);
            results.worst = results.worst.or(replaced);
            if replaced != Exit::Done {
                continue;
            }
            let pending = report.secret.standing("pending").filter(|_| !is_over(&report));
            let pending = pending.map(|pending| pending.version.clone());
            let soak = Duration::from_millis(report.secret.soak_ms);
            begun.push(Begun { secret: name.clone(), current: report.order.version, pending, soak });
        }
    }
    for begun in begun.iter().filter(|_| args.wait) {
        let patience = args.timeout.map(Duration::from_secs);
        let patience = patience.unwrap_or(begun.soak + Duration::from_secs(60));
        if let Some(exit) = results.of(&begun.secret, wait(&backend, begun, patience).await)? {
            results.worst = results.worst.or(exit);
        }
    }
    Ok(results.worst)
}

/// What the order has led to, secret by secret: what fails for one of several is said, and holds up no other one.
struct Results {
    of_several: bool,
    worst: Exit,
}

impl Results {
    fn of<T>(&mut self, name: &str, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.of_several => {
                self.worst = self.worst.or(output::failed(name, &error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Orders the rotation; none where another version than the one named is current.
async fn order(
    backend: &Backend,
    name: &str,
    if_current: Option<&str>,
    compromised: bool,
) -> Result<Option<OrderReport>> {
    let named = match if_current {
        None => None,
        Some(text) => {
            let status = backend.operator.secret(name).await?;
            if let Err(Unnamed::Nobody { .. }) = status.version(text) {
                let current = orders::current(&status)?;
                output::say(&format!(
                    "{name}: version {text} is not current any more (that is {current}): nothing to do"
                ));
                return Ok(None);
            }
            Some(orders::version(&status, text)?)
        }
    };
    let request = if compromised { Request::Compromised { named } } else { Request::Rotate { named } };
    let report = match backend.operator.order(name, request).await {
        Err(OrderError::NotCurrent(why)) if named.is_some() => {
            output::say(&format!("{name}: {why}: nothing to do"));
            return Ok(None);
        }
        other => other?,
    };
    if compromised {
        orders::say_ended(&report);
    }
    if report.order.held_up.is_some() {
        return Ok(Some(report));
    }
    say_next(&report);
    if !backend.daemon && !is_over(&report) {
        output::note("who promotes it: a daemon, the next `rotate --due`, or `rotate --wait`");
    }
    Ok(Some(report))
}

/// Whether what was to be replaced is current no more.
fn is_over(report: &OrderReport) -> bool {
    report.secret.standing("current").is_some_and(|current| current.version != report.order.version)
}

/// What comes next of a rotation.
fn say_next(report: &OrderReport) {
    let OrderReport { secret: status, order } = report;
    let (name, now) = (&status.secret, status.now_ms.unwrap_or_default());
    match (status.standing("pending"), status.promotes_ms, status.standing("current")) {
        (Some(pending), Some(at), _) => output::say(&format!(
            "{name}: version {} is pending; it can be promoted {}",
            pending.version,
            if at > now { output::relative(at, now) } else { "now".to_owned() }
        )),
        (_, _, Some(current)) if current.version != order.version => output::say(&format!(
            "{name}: version {} was replaced: version {} is current",
            order.version, current.version
        )),
        _ => output::say(&format!("{name}: no replacement is pending yet: it is made next")),
    }
}

/// Shows the phases as they pass, until the version that was current has been replaced.
async fn wait(backend: &Backend, begun: &Begun, patience: Duration) -> Result<Exit> {
    let Begun { secret: name, current: seen, pending, .. } = begun;
    let progress = super::output::Progress::new();
    let until = tokio::time::sleep(patience);
    let mut until = std::pin::pin!(until);
    let mut parked = None;
    loop {
        match backend.operator.secret(name).await {
            Ok(status) => {
                let current = status.standing("current").filter(|current| current.version != *seen);
                if let Some(current) = current {
                    progress.done(&format!("{name}: version {} is current", current.version));
                    report_previous(&status, seen);
                    let expected = pending.as_ref().is_none_or(|pending| *pending == current.version);
                    if !expected {
                        output::note(&format!("{name}: that is not the version that was pending before"));
                    }
                    return Ok(if expected { Exit::Done } else { Exit::Failed });
                }
                parked = status.message.clone().filter(|_| status.phase == Phase::Parked);
                progress.show(&waiting_for(&status));
            }
            // It may be restarting; the rotation goes on all the same.
            Err(OrderError::Unknown(why)) => progress.show(&format!("{name}: {why}")),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = &mut until => {
                let after = output::span(patience);
                let (what, exit) = match parked {
                    Some(why) => (format!("parked: {why}"), Exit::Failed),
                    None => ("it goes on by itself".to_owned(), Exit::Unknown),
                };
                let see = format!("See `crossfade status {name}`");
                progress.done(&format!("{name}: not promoted within {after}; {what}. {see}"));
                return Ok(exit);
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

fn report_previous(status: &SecretStatus, seen: &str) {
    let name = &status.secret;
    let previous = status.versions.iter().find(|v| v.version == seen);
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
