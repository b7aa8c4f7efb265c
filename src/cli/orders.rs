//! `abort`, `pause`, `resume`, and what all orders share.

use anyhow::{Result, anyhow};

use super::{Exit, context::Context, output};
use crate::{
    http::operator::{OrderError, SecretStatus, Unnamed, VersionStatus},
    rotation::{plan::Demand, ring::VersionId},
};

/// The version that stands at a stage, as this person sees it.
pub(super) fn standing<'a>(status: &'a SecretStatus, stage: &str) -> Option<&'a VersionStatus> {
    status.versions.iter().find(|version| version.stage == stage)
}

/// The id of the current version: orders are bound to it.
pub(super) fn current(status: &SecretStatus) -> Result<VersionId> {
    let Some(current) = standing(status, "current") else {
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
        Unnamed::NoVersion(_) => super::UsageError(unnamed.to_string()).into(),
        _ => OrderError::Refused(format!("{}: {unnamed}", status.secret)).into(),
    })
}

pub(super) async fn abort(context: &Context, secret: &str) -> Result<Exit> {
    let hands = context.hands(false).await?;
    let status = hands.operator.secret(secret).await?;
    let Some(pending) = standing(&status, "pending") else {
        return Err(anyhow!("{secret}: no pending version stands: there is nothing to abort"));
    };
    let pending = version(&status, &pending.version)?;
    hands.operator.order(secret, Demand::Abort { pending }).await?;
    output::say(&format!("{secret}: version {pending} was taken back; the next slot is the next rotation"));
    Ok(Exit::Done)
}

pub(super) async fn pause(context: &Context, secret: &str) -> Result<Exit> {
    context.hands(false).await?.operator.order(secret, Demand::Pause).await?;
    output::say(&format!("{secret}: paused; deadlines go on. `crossfade resume {secret}` lifts it"));
    Ok(Exit::Done)
}

pub(super) async fn resume(context: &Context, secret: &str) -> Result<Exit> {
    let status = context.hands(false).await?.operator.order(secret, Demand::Resume).await?;
    let next = match (status.next_slot_ms, &status.schedule) {
        (None, None) => "it has no schedule".to_owned(),
        (None, Some(schedule)) => format!("its schedule is {schedule}"),
        (Some(_), _) => format!("the next slot is {}", output::next_slot(&status)),
    };
    output::say(&format!("{secret}: resumed; {next}"));
    Ok(Exit::Done)
}
