//! What a secret's times add up to, so that nobody has to add them up by hand.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    config::{Config, SecretConfig},
    rotation::policy::Notes,
    time::Timestamp,
};

/// How long a replaced token is accepted, how soon an end is everywhere, and what the store costs.
pub(super) fn of(config: &Config, secret: &SecretConfig) -> String {
    let (policy, terms) = (&secret.policy, secret.policy.terms());
    let accepted = match terms.store.notes {
        Notes::WithPromotion => policy.accepted_for(),
        Notes::BeforePromotion => policy.note_for(Timestamp::default()).since(Timestamp::default()),
    };
    let late = terms.freshness + terms.store.store_lag;
    let reach = terms.sync + terms.store.store_lag;
    let mut text = format!(
        "{}\n  a replaced token is accepted for up to {} (grace {} + a margin of {})\n  a bot may keep one for {} (grace - \
         freshness - store_lag)\n  an end is everywhere in {} (sync + store_lag) and one push; at a verifier that is cut off \
         in {} (hold)\n  a server that was frozen asks again before it accepts by a view that is {} old (accept_within)",
        secret.name,
        span(accepted),
        span(terms.grace),
        span(accepted.saturating_sub(terms.grace)),
        span(terms.grace.saturating_sub(late)),
        span(reach),
        span(terms.hold),
        span(config.accept_within.min(terms.hold)),
    );
    if let Some(bill) = (config.store.limits().bill)(terms.sync) {
        text.push_str(&format!("\n  {bill}"));
    }
    text
}

/// To the second, rounded up, and spelt as the config spells it: `4h 7m 32s`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    format!("{:#}", SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
