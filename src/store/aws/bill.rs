//! What a secret costs, by AWS's list prices.

use std::time::Duration;

/// Thirty days, in seconds: AWS bills by the month.
const MONTH: u64 = 30 * 24 * 3600;
/// AWS's list price of a secret a month, in millionths of a dollar,
const SECRET: u64 = 400_000;
/// and of a call ($0.05 for 10,000).
const CALL: u64 = 5;

/// Every read is one call; those of a rotation are some ten, and don't show.
pub(super) fn bill(sync: Duration) -> Option<String> {
    let reads =
        u64::try_from(Duration::from_secs(MONTH).as_millis() / sync.as_millis().max(1)).unwrap_or(u64::MAX);
    let calls = reads.saturating_mul(CALL);
    Some(format!(
        "AWS bills about {} a month with one daemon ({} for the secret, {} for {reads} read{}, one each {sync:?}), by its \
         list prices of 2026",
        dollars(SECRET.saturating_add(calls)),
        dollars(SECRET),
        dollars(calls),
        if reads == 1 { "" } else { "s" },
    ))
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
        let bill = |seconds| bill(Duration::from_secs(seconds)).expect("AWS bills");
        assert!(bill(20).contains("$1.05 a month"), "0.40 + 129,600 x 0.000005");
        assert!(bill(60).contains("$0.62 a month"), "0.40 + 43,200 x 0.000005");
        assert!(bill(3600).contains("$0.40 for the secret, $0.00 for 720 reads, one each 3600s"));
    }
}
