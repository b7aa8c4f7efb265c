//! What Secrets Manager allows: it keeps 100 versions, none for less than a day, and 20 labels a secret.

use std::{collections::BTreeSet, time::Duration};

use super::{
    bill::bill,
    name::{Arn, may_be_one, without_suffix},
};
use crate::{rotation::policy::Policy, store::Limits, time::Timestamp};

/// What it asks of a config.
pub const LIMITS: Limits = Limits {
    may_be_one,
    name: mistake_in_name,
    name_warning: warning_of_name,
    schedule: mistakes_in_schedule,
    no_json: None,
    bill,
    prints_secrets: true,
};

/// At most one new version in so long, sustained: 100 are kept, and each for 24 h at least.
const GAP: Duration = Duration::from_secs(15 * 60);
/// Each has a note, and 14 notes are the most.
const PREVIOUS: u128 = 10;

/// What is wrong with a name, where it can be one of any store's.
fn mistake_in_name(name: &str, before: &BTreeSet<String>, region: &mut Option<String>) -> Option<String> {
    if let Some(other) = before.iter().find(|other| *other != name && may_be_one(other, name)) {
        return Some(format!(
            "{name:?} names the same secret as {other:?} does: take one of the two out. (If they are in two accounts, name \
             both by their whole ARNs)"
        ));
    }
    if !name.contains(':') {
        return None;
    }
    let Some(arn) = Arn::parse(name) else {
        return Some(format!(
            "{name:?} is neither a name (which has no `:`) nor an ARN of a secret: \
             arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX"
        ));
    };
    let ours = region.get_or_insert_with(|| arn.region.to_owned());
    (*ours != arn.region).then(|| {
        format!(
            "the ARN is of the region {}, and all secrets are looked for in one, which is {ours} by `store.region` or by an \
             ARN before this one",
            arn.region
        )
    })
}

/// AWS may take such a name for an ARN.
fn warning_of_name(name: &str) -> Option<String> {
    let name = Arn::parse(name).map_or(Some(name), |arn| arn.name());
    name.filter(|name| without_suffix(name).is_some()).map(|name| {
        format!(
            "the secret's name {name:?} ends in a hyphen and six characters, as AWS's ARNs do: AWS does not find it by an \
             ARN without its end, and takes that for another secret's. Name it by its name or its whole ARN"
        )
    })
}

/// What a schedule asks of Secrets Manager that it does not give.
fn mistakes_in_schedule(policy: &Policy, gap: Duration) -> Vec<String> {
    let mut mistakes = Vec::new();
    if gap < GAP {
        mistakes.push(format!(
            "the schedule's shortest gap ({gap:?}) is less than 15 minutes: Secrets Manager keeps 100 versions, each for \
             24 h at least; rotate less often"
        ));
    }
    let accepted = policy.note_for(Timestamp::default()).since(Timestamp::default());
    let previous = accepted.as_millis().div_ceil(gap.as_millis().max(1));
    if previous > PREVIOUS {
        mistakes.push(format!(
            "grace with its margin, by the schedule's shortest gap ({accepted:?} / {gap:?}), is {previous} previous \
             versions at once, and there is room for the notes of {PREVIOUS}: rotate less often, or lower grace"
        ));
    }
    mistakes
}
