//! `abort`, `pause`, `resume`, and what all orders share.

use anyhow::Result;

use super::{
    context::Context,
    exit::{Exit, UsageError},
    output,
};
use crate::{
    http::operator::{OrderError, OrderReport, SecretStatus, Unnamed},
    rotation::{plan::Request, ring::VersionId},
};

/// The id of the current version, as this person sees it.
pub(super) fn current(status: &SecretStatus) -> Result<VersionId> {
    let Some(current) = status.standing("current") else {
        let why = status.message.as_deref().unwrap_or("it was not read yet");
        return Err(
            OrderError::Unknown(format!("{}: no current version is known: {why}", status.secret)).into()
        );
    };
    version(status, &current.version)
}

/// The version that a person names.
pub(super) fn version(status: &SecretStatus, text: &str) -> Result<VersionId> {
    status.version(text).map_err(|unnamed| match unnamed {
        Unnamed::NoVersion(_) => UsageError(unnamed.to_string()).into(),
        _ => OrderError::Refused(format!("{}: {unnamed}", status.secret)).into(),
    })
}

/// What an order has ended, and what of it is accepted all the same.
pub(super) fn say_ended(report: &OrderReport) {
    let OrderReport { secret: status, order } = report;
    let name = &status.secret;
    if order.ended.is_empty() {
        output::say(&format!("{name}: no version was left to end"));
    } else {
        output::say(&format!("{name}: marked as ended: version {}", order.ended.join(", version ")));
    }
    let accepted = status.standing("current").filter(|current| current.ended && !current.no_token);
    if let Some(current) = accepted {
        let id = &current.version;
        output::say(&format!("{name}: version {id} is current, and stays accepted until it is replaced"));
    }
}

/// How an order ends that wants what it has ended replaced: that nothing can replace it is said, and why.
pub(super) fn replaced(report: &OrderReport) -> Exit {
    let OrderReport { secret: status, order } = report;
    let Some(why) = &order.held_up else { return Exit::Done };
    output::note(&format!("error: {}: nothing can replace the current version: {why}", status.secret));
    Exit::Failed
}

pub(super) async fn abort(context: &Context, secret: &str) -> Result<Exit> {
    let backend = context.backend(false).await?;
    let report = backend.operator.order(secret, Request::Abort { named: None }).await?;
    let version = &report.order.version;
    output::say(&format!("{secret}: version {version} was taken back; {}", next(&report.secret)));
    Ok(Exit::Done)
}

pub(super) async fn pause(context: &Context, secret: &str) -> Result<Exit> {
    let report = context.backend(false).await?.operator.order(secret, Request::Pause).await?;
    let was = if report.order.changed { "paused" } else { "it was paused already" };
    output::say(&format!("{secret}: {was}; deadlines go on. `crossfade resume {secret}` lifts it"));
    if report.secret.standing("current").is_some_and(|current| current.ended) {
        output::say(&format!("{secret}: the current version is ended: it is replaced all the same"));
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(context: &Context, secret: &str) -> Result<Exit> {
    let report = context.backend(false).await?.operator.order(secret, Request::Resume).await?;
    let was = if report.order.changed { "resumed" } else { "it was not paused" };
    output::say(&format!("{secret}: {was}; {}", next(&report.secret)));
    Ok(Exit::Done)
}

fn next(status: &SecretStatus) -> String {
    match (status.next_slot_ms, &status.schedule) {
        (None, None) => "it has no schedule".to_owned(),
        (None, Some(schedule)) => format!("its schedule is {schedule}"),
        (Some(_), _) => format!("the next slot is {}", output::next_slot(status)),
    }
}
