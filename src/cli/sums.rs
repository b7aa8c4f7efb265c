//! What a secret's times add up to, so that nobody has to add them up by hand.

use std::time::Duration;

use jiff::SignedDuration;

use super::output::count;
use crate::{
    config::{Config, SecretConfig, StoreConfig},
    rotation::policy::Notes,
    time::Timestamp,
};

/// Thirty days, in seconds: AWS bills by the month.
const MONTH: u64 = 30 * 24 * 3600;
/// AWS's list price of a secret a month, in millionths of a dollar,
const SECRET: u64 = 400_000;
/// and of a call ($0.05 for 10,000).
const CALL: u64 = 5;

/// How long a replaced token is accepted, how soon an end is everywhere, and on AWS what it costs.
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
    if let StoreConfig::Aws(_) = config.store {
        text.push_str(&bill(terms.sync));
    }
    text
}

/// Every read is one call; those of a rotation are some ten, and don't show.
fn bill(sync: Duration) -> String {
    let reads =
        u64::try_from(Duration::from_secs(MONTH).as_millis() / sync.as_millis().max(1)).unwrap_or(u64::MAX);
    let calls = reads.saturating_mul(CALL);
    format!(
        "\n  AWS bills about {} a month with one daemon ({} for the secret, {} for {}, one each {sync:?}), by its list prices of 2026",
        dollars(SECRET.saturating_add(calls)),
        dollars(SECRET),
        dollars(calls),
        count(usize::try_from(reads).unwrap_or(usize::MAX), "read"),
    )
}

/// To the second, rounded up, and spelt as the config spells it: `4h 7m 32s`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    format!("{:#}", SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn dollars(millionths: u64) -> String {
    let cents = millionths.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_is_that_of_the_list_prices() {
        assert!(bill(Duration::from_secs(20)).contains("$1.05 a month"), "0.40 + 129,600 x 0.000005");
        assert!(bill(Duration::from_secs(60)).contains("$0.62 a month"), "0.40 + 43,200 x 0.000005");
        assert!(
            bill(Duration::from_secs(3600))
                .contains("$0.40 for the secret, $0.00 for 720 reads, one each 3600s")
        );
    }
}
