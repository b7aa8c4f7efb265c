//! What AWS's answers say, in our words.

use aws_sdk_secretsmanager::{
    operation::{
        describe_secret::DescribeSecretOutput, get_secret_value::GetSecretValueOutput,
        list_secret_version_ids::ListSecretVersionIdsOutput,
    },
    primitives::DateTime,
    types::StatusType,
};
use zeroize::Zeroizing;

use super::calls::{Described, Listed, Stored};
use crate::time::Timestamp;

const IN_SYNC: Option<StatusType> = Some(StatusType::InSync);

/// None where the answer lacks what everything else hangs on.
pub(super) fn described(output: DescribeSecretOutput) -> Option<Described> {
    Some(Described {
        arn: output.arn?,
        stages: output.version_ids_to_stages.unwrap_or_default().into_iter().collect(),
        rotates_itself: output.rotation_enabled.unwrap_or_default(),
        owner: output.owning_service,
        kind: output.r#type,
        primary_region: output.primary_region,
        replicating: output.replication_status.unwrap_or_default().iter().any(|copy| copy.status != IN_SYNC),
        deleted: output.deleted_date.map(timestamp),
    })
}

/// None where the answer does not say which version it is of, or when that was made: a version of no age would have
/// soaked long ago.
pub(super) fn stored(output: GetSecretValueOutput) -> Option<Stored> {
    Some(Stored {
        id: output.version_id?,
        created: output.created_date.map(timestamp)?,
        stages: output.version_stages.unwrap_or_default(),
        value: output.secret_string.map(Zeroizing::new),
    })
}

/// A page of versions, and the token of the next one.
pub(super) fn listed(output: ListSecretVersionIdsOutput) -> Option<(Vec<Listed>, Option<String>)> {
    let versions = output.versions.unwrap_or_default().into_iter();
    let listed = versions.filter_map(|version| {
        Some(Listed { id: version.version_id?, created: version.created_date.map(timestamp) })
    });
    Some((listed.collect(), output.next_token))
}

/// To the nearest millisecond: it comes as seconds with a fraction, which need not be exact.
fn timestamp(at: DateTime) -> Timestamp {
    let ms = (at.as_nanos() + 500_000) / 1_000_000;
    Timestamp::from_millis(u64::try_from(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_the_time_of_its_making_is_not_taken_for_one_of_1970() {
        let answer = || GetSecretValueOutput::builder().version_id("v").secret_string("a token");
        let made = answer().created_date(DateTime::from_secs(10)).build();
        assert_eq!(stored(made).map(|stored| stored.created), Some(Timestamp::from_millis(10_000)));
        assert!(stored(answer().build()).is_none());
        let nameless = GetSecretValueOutput::builder().created_date(DateTime::from_secs(10)).build();
        assert!(stored(nameless).is_none());
    }

    #[test]
    fn a_secret_without_an_arn_is_not_taken_for_another_secret() {
        let answer = DescribeSecretOutput::builder();
        assert!(described(answer.clone().build()).is_none());
        assert!(described(answer.arn("arn:aws:secretsmanager:::secret:s-AbCdEf").build()).is_some());
    }
}
