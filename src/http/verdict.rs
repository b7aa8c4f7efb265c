//! A verdict of the daemon's own: decided, and where that needs a fresher view, waited for.

use std::{sync::Arc, time::Duration};

use crossfade_verify::Moment;

use super::{auth::Client, error::ApiError, limits};
use crate::{
    clock::{Clock, elapsed},
    distribution::{Accepted, Decision, Distribution},
    metrics::Metrics,
};

/// What verdicts rest on.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// The accept sets.
    pub distribution: Arc<Distribution>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
}

/// Decides, and counts what came of it.
pub(super) async fn decide(
    verdicts: &Verdicts,
    client: &Client,
    audiences: &[Arc<str>],
    token: &[u8],
) -> Decision {
    let (decision, took) = judge(verdicts, audiences, token).await;
    report(verdicts, client, audiences, &decision, took);
    decision
}

/// Decides, and where that needs a younger view, waits for it once: to refuse, and to accept by one that is old. How long
/// the first decision took.
pub(super) async fn judge(verdicts: &Verdicts, audiences: &[Arc<str>], token: &[u8]) -> (Decision, Duration) {
    let Verdicts { distribution, clock, .. } = verdicts;
    let began = clock.moment();
    let mut decision = distribution.decide(audiences, token);
    let took = elapsed(began, clock.moment());
    let is_renewed = match &decision {
        Decision::Unsure => {
            drop(tokio::time::timeout(limits::REFRESH_TIMEOUT, distribution.refreshed(audiences)).await);
            true
        }
        Decision::Accepted(accepted) if !accepted.young => {
            distribution.renewed(&accepted.audience, limits::REFRESH_TIMEOUT, jitter(began)).await
        }
        Decision::Accepted(_) | Decision::Refused(_) => false,
    };
    if is_renewed {
        decision = distribution.decide(audiences, token);
    }
    (decision, took)
}

/// What a wait after a failed read is drawn with, from 0 to 1: the moment's last digits, so that a run that is simulated can
/// be played again.
pub(super) fn jitter(at: Moment) -> f64 {
    (at.boot_ms % 1_000) as f64 / 999.0
}

fn report(verdicts: &Verdicts, client: &Client, audiences: &[Arc<str>], decision: &Decision, took: Duration) {
    let Verdicts { distribution, metrics, .. } = verdicts;
    let (audience, verdict) = match decision {
        Decision::Accepted(accepted) => (&accepted.audience, "accepted"),
        // Which of its audiences was meant is not known; the first one stands for the client.
        Decision::Refused(reason) => (&audiences[0], reason.as_str()),
        Decision::Unsure => (&audiences[0], "unsure"),
    };
    metrics.verified(audience, verdict, took);
    if let Decision::Accepted(accepted) = decision {
        let Accepted { audience, entry, .. } = &**accepted;
        metrics.accepted(audience, &entry.client_id, entry.stage, 1);
        let published = distribution.published(audience);
        let now = published.map(|published| published.view.now_ms(verdicts.clock.moment()));
        distribution.usage().record(&entry.version, now.unwrap_or_default(), &client.id);
    }
}

/// Not no, but: ask again.
pub(super) fn unsure() -> ApiError {
    ApiError::unavailable("the view of the store is not fresh enough to refuse this token")
}
