//! The writes to versions and labels.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    CreateSecret, CreateSecretReply, Error, PutSecretValue, PutSecretValueReply, Secret, SecretIdReply,
    Service, UpdateSecretVersionStage, Value, Version, limits, name, secret::CURRENT, tags,
};

impl Service {
    /// Documented: `CreateSecret`. Without a value the secret is empty. The same name, token and value
    /// again is ignored; a name that waits for its deletion is refused (recorded).
    pub fn create_secret(&mut self, request: &CreateSecret, now_ms: u64) -> Result<CreateSecretReply, Error> {
        name::check(&request.name)?;
        let value = Value::of(request.secret_string.as_ref(), request.secret_binary.as_ref())?;
        let id = limits::token(request.client_request_token.as_deref())?;
        if let Some(secret) = self.secret(&request.name, now_ms) {
            return created_before(secret, id, value.as_ref());
        }
        let mut secret = Secret {
            arn: name::arn(&request.name, self.made),
            name: request.name.clone(),
            description: request.description.clone(),
            kms_key_id: request.kms_key_id.clone(),
            tags: BTreeMap::new(),
            created_ms: now_ms,
            changed_ms: now_ms,
            deletion: None,
            rotation_enabled: None,
            owning_service: None,
            kind: None,
            primary_region: None,
            replicas: BTreeMap::new(),
            versions: Vec::new(),
            labels: BTreeMap::new(),
        };
        tags::add(&mut secret, &request.tags)?;
        let version_id = value.is_some().then(|| id.to_owned());
        if let Some(value) = value {
            secret.versions.push(Version { id: id.to_owned(), created_ms: now_ms, value: Some(value) });
            secret.attach(CURRENT, id);
        }
        let reply = CreateSecretReply { arn: secret.arn.clone(), name: secret.name.clone(), version_id };
        self.made += 1;
        self.secrets.insert(secret.name.clone(), Arc::new(secret));
        Ok(reply)
    }

    /// Documented: `PutSecretValue`.
    ///
    /// - A new token makes a version with that id. The same token with the same value is ignored, and
    ///   puts no label back; with another value it is refused (recorded for a current version).
    /// - A label that is named is taken from whichever version had it: this is no compare-and-swap.
    /// - Without labels it is AWSCURRENT that moves. The first value of an empty secret becomes
    ///   AWSCURRENT whatever was asked (recorded); that it gets what was asked too is unverified.
    /// - Which labels an ignored request answers with is unverified: here those that stand.
    /// - A version that native rotation has made gets its value so (documented: the rotation function's
    ///   `createSecret` step).
    pub fn put_secret_value(
        &mut self,
        request: &PutSecretValue,
        now_ms: u64,
    ) -> Result<PutSecretValueReply, Error> {
        let id = limits::token(request.client_request_token.as_deref())?;
        let neither = || Error::request("You must provide either SecretString or SecretBinary.");
        let value = Value::of(request.secret_string.as_ref(), request.secret_binary.as_ref())?;
        let value = value.ok_or_else(neither)?;
        request.version_stages.as_deref().map_or(Ok(()), limits::labels)?;
        let secret = self.live(&request.secret_id, now_ms)?;
        if let Some(there) = secret.version(id).and_then(|version| version.value.as_ref()) {
            return if *there == value { Ok(put(secret, id)) } else { Err(token_used()) };
        }
        self.edit(&request.secret_id, now_ms, |secret| {
            secret.check_primary()?;
            secret.give(id, value, now_ms)?;
            let first = secret.versions.iter().filter(|version| version.value.is_some()).count() == 1;
            if request.version_stages.is_none() || first {
                secret.attach(CURRENT, id);
            }
            request.version_stages.iter().flatten().for_each(|label| secret.attach(label, id));
            secret.check_labels()?;
            secret.changed_ms = now_ms;
            Ok(put(secret, id))
        })
    }

    /// Documented: `UpdateSecretVersionStage`; a compare-and-swap of one label.
    ///
    /// - A label that another version bears moves only where that version is named in
    ///   `RemoveFromVersionId`. So the retry of a move that was carried out is refused (measured).
    /// - A label is removed only from the version that bears it. AWSCURRENT can't be removed.
    /// - Moving AWSCURRENT moves AWSPREVIOUS, and leaves AWSPENDING (recorded).
    /// - The codes for a version that does not exist, and for neither version named, and that a label
    ///   that is there already is a success which changes nothing, are unverified.
    /// - That `LastChangedDate` changes is unverified.
    pub fn update_secret_version_stage(
        &mut self,
        request: &UpdateSecretVersionStage,
        now_ms: u64,
    ) -> Result<SecretIdReply, Error> {
        let label = request.version_stage.as_str();
        let (to, from) = (request.move_to_version_id.as_deref(), request.remove_from_version_id.as_deref());
        limits::label(label)?;
        limits::version_id(to)?;
        limits::version_id(from)?;
        self.edit(&request.secret_id, now_ms, |secret| {
            secret.check_primary()?;
            let reply = SecretIdReply { arn: secret.arn.clone(), name: secret.name.clone() };
            let holder = secret.labels.get(label).map(String::as_str);
            if from.is_some() && from != holder {
                return Err(Error::parameter(format!(
                    "The staging label {label} is not attached to the version in RemoveFromVersionId."
                )));
            }
            match (to, holder) {
                (Some(to), _) if secret.version(to).is_none() => {
                    return Err(Error::no_value(format_args!("VersionId: {to}")));
                }
                (Some(to), Some(holder)) if to == holder => return Ok(reply),
                (Some(_), Some(holder)) if from.is_none() => return Err(holder_unnamed(label, holder)),
                (Some(to), _) => secret.attach(label, to),
                (None, _) if from.is_none() => {
                    return Err(Error::parameter(
                        "Name a version to move the label to, or to remove it from.",
                    ));
                }
                (None, _) if label == CURRENT => {
                    return Err(Error::parameter("You can't remove AWSCURRENT, only move it to a version."));
                }
                (None, _) => {
                    secret.labels.remove(label);
                }
            }
            secret.check_labels()?;
            secret.changed_ms = now_ms;
            Ok(reply)
        })
    }
}

fn created_before(secret: &Secret, id: &str, value: Option<&Value>) -> Result<CreateSecretReply, Error> {
    if secret.deletion.is_some() {
        return Err(Error::request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    if value.is_none() || secret.version(id).and_then(|version| version.value.as_ref()) != value {
        let name = &secret.name;
        return Err(Error::exists(format!("The operation failed because the secret {name} already exists.")));
    }
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    Ok(CreateSecretReply { arn, name, version_id: Some(id.to_owned()) })
}

fn put(secret: &Secret, id: &str) -> PutSecretValueReply {
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    PutSecretValueReply { arn, name, version_id: id.to_owned(), version_stages: secret.labels_of(id) }
}

fn token_used() -> Error {
    Error::exists("A version with this ClientRequestToken already exists, and its value is another.")
}

/// Recorded, for AWSCURRENT.
fn holder_unnamed(label: &str, holder: &str) -> Error {
    Error::parameter(format!(
        "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to \
         version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
    ))
}
