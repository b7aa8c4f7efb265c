//! The reads. They change nothing: `LastAccessedDate` is left out.

use std::collections::BTreeMap;

use super::{
    DescribeSecret, DescribeSecretReply, Error, GetSecretValue, GetSecretValueReply, ListSecretVersionIds,
    ListSecretVersionIdsReply, ListSecrets, ListSecretsReply, Millis, ReplicaReply, Secret, SecretReply,
    Service, TagReply, Value, VersionReply, limits, secret::CURRENT,
};

impl Service {
    /// Documented: `DescribeSecret`. It works on a deleted secret, and shows labelled versions only.
    pub fn describe_secret(
        &self,
        request: &DescribeSecret,
        now_ms: u64,
    ) -> Result<DescribeSecretReply, Error> {
        let secret = self.found(&request.secret_id, now_ms)?;
        Ok(DescribeSecretReply {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            created_date: Millis(secret.created_ms),
            last_changed_date: Millis(secret.changed_ms),
            deleted_date: secret.deletion.map(|deletion| Millis(deletion.asked_ms)),
            rotation_enabled: secret.rotation_enabled,
            owning_service: secret.owning_service.clone(),
            kind: secret.kind.clone(),
            primary_region: secret.primary_region.clone(),
            replication_status: replicas(secret),
            tags: tags(secret),
            version_ids_to_stages: stages(secret),
        })
    }

    /// Documented: `GetSecretValue`. Without an id and a label it is AWSCURRENT; with both, they have
    /// to agree. A version without labels is readable by its id while it exists; one without a value is not
    /// found.
    pub fn get_secret_value(
        &self,
        request: &GetSecretValue,
        now_ms: u64,
    ) -> Result<GetSecretValueReply, Error> {
        limits::version_id(request.version_id.as_deref())?;
        request.version_stage.as_deref().map_or(Ok(()), limits::label)?;
        let secret = self.live(&request.secret_id, now_ms)?;
        let label = request.version_stage.as_deref();
        let labelled = |label: &str| secret.labels.get(label).and_then(|id| secret.version(id));
        let version = match (request.version_id.as_deref(), label) {
            (Some(id), _) => {
                secret.version(id).ok_or_else(|| Error::no_value(format_args!("VersionId: {id}")))?
            }
            (None, label) => {
                let label = label.unwrap_or(CURRENT);
                labelled(label).ok_or_else(|| Error::no_value(format_args!("staging label: {label}")))?
            }
        };
        if label.is_some_and(|label| secret.labels.get(label) != Some(&version.id)) {
            let message = "You provided a VersionStage that is not associated to the provided VersionId.";
            return Err(Error::request(message));
        }
        let (secret_string, secret_binary) = match version.value.clone() {
            Some(Value::Text(text)) => (Some(text), None),
            Some(Value::Binary(binary)) => (None, Some(binary)),
            None => return Err(Error::no_value(format_args!("VersionId: {}", version.id))),
        };
        Ok(GetSecretValueReply {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            version_id: version.id.clone(),
            secret_string,
            secret_binary,
            version_stages: some(secret.labels_of(&version.id)),
            created_date: Millis(version.created_ms),
        })
    }

    /// Documented: `ListSecretVersionIds`. Deprecated versions on request only, the oldest first. It
    /// works on a deleted secret (documented: `InvalidRequestException` is none of its errors).
    pub fn list_secret_version_ids(
        &self,
        request: &ListSecretVersionIds,
        now_ms: u64,
    ) -> Result<ListSecretVersionIdsReply, Error> {
        let secret = self.found(&request.secret_id, now_ms)?;
        let deprecated = request.include_deprecated.unwrap_or(false);
        let all = secret.versions.iter().filter_map(|version| {
            let stages = secret.labels_of(&version.id);
            (deprecated || !stages.is_empty()).then(|| VersionReply {
                version_id: version.id.clone(),
                version_stages: some(stages),
                created_date: Millis(version.created_ms),
            })
        });
        let of = |version: &VersionReply| version.version_id.clone();
        let (versions, next_token) =
            page(all.collect(), of, request.max_results, request.next_token.as_deref())?;
        let (arn, name) = (secret.arn.clone(), secret.name.clone());
        Ok(ListSecretVersionIdsReply { arn, name, versions, next_token })
    }

    /// Documented: `ListSecrets`, without filters and sorting, by name.
    pub fn list_secrets(&self, request: &ListSecrets, now_ms: u64) -> Result<ListSecretsReply, Error> {
        let deleted = request.include_planned_deletion.unwrap_or(false);
        let all = self.secrets.values().filter_map(|secret| {
            let there = secret.deletion.is_none_or(|deletion| deleted && now_ms < deletion.due_ms);
            there.then(|| SecretReply {
                arn: secret.arn.clone(),
                name: secret.name.clone(),
                created_date: Millis(secret.created_ms),
                last_changed_date: Millis(secret.changed_ms),
                deleted_date: secret.deletion.map(|deletion| Millis(deletion.asked_ms)),
                rotation_enabled: secret.rotation_enabled,
                owning_service: secret.owning_service.clone(),
                tags: tags(secret),
                secret_versions_to_stages: stages(secret),
            })
        });
        let of = |secret: &SecretReply| secret.name.clone();
        let (secret_list, next_token) =
            page(all.collect(), of, request.max_results, request.next_token.as_deref())?;
        Ok(ListSecretsReply { secret_list, next_token })
    }
}

fn replicas(secret: &Secret) -> Vec<ReplicaReply> {
    let reply = |(region, status): (&String, &String)| ReplicaReply {
        region: region.clone(),
        status: status.clone(),
    };
    secret.replicas.iter().map(reply).collect()
}

/// The items after the one that the token names, and the token for the rest. That the token is a
/// plain name is our own; callers can't rely on it.
fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
    max_results: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let size = limits::page(max_results)?;
    if let Some(token) = token {
        let invalid = || Error::caller("InvalidNextTokenException", "The NextToken value is invalid.");
        let last = items.iter().position(|item| key(item) == token).ok_or_else(invalid)?;
        items.drain(..=last);
    }
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(key);
    Ok((items, next))
}

fn stages(secret: &Secret) -> BTreeMap<String, Vec<String>> {
    let mut stages = BTreeMap::<String, Vec<String>>::new();
    for (label, id) in &secret.labels {
        stages.entry(id.clone()).or_default().push(label.clone());
    }
    stages
}

fn tags(secret: &Secret) -> Vec<TagReply> {
    let tag = |(key, value): (&String, &String)| TagReply { key: key.clone(), value: value.clone() };
    secret.tags.iter().map(tag).collect()
}

fn some(labels: Vec<String>) -> Option<Vec<String>> {
    (!labels.is_empty()).then_some(labels)
}
