//! The service as a pure state machine: one method an operation, time as an argument, no I/O.
//!
//! A refused call changes nothing, and a call is one transition: nothing shows half of it.
//!
//! Not there, on purpose, and answered with an error that says so: `UpdateSecret`,
//! `BatchGetSecretValue`, `GetRandomPassword`, native rotation, replication, resource policies.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::Value as Json;

mod deletion;
mod error;
pub mod limits;
mod name;
mod read;
mod reply;
mod request;
mod secret;
mod tags;
mod value;
mod write;

pub use error::Error;
pub(crate) use name::scramble;
pub use reply::{
    CreateSecretReply, DeleteSecretReply, DescribeSecretReply, GetSecretValueReply,
    ListSecretVersionIdsReply, ListSecretsReply, Millis, PutSecretValueReply, ReplicaReply, SecretIdReply,
    SecretReply, TagReply, VersionReply,
};
pub use request::{
    CreateSecret, DeleteSecret, DescribeSecret, GetSecretValue, ListSecretVersionIds, ListSecrets, Operation,
    PutSecretValue, Request, RestoreSecret, Tag, TagResource, UntagResource, UpdateSecretVersionStage,
};
pub use secret::{Secret, Version};
pub use value::{Binary, Text, Value};

/// All secrets of the one account, at one moment. A clone is cheap: late reads keep many.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Service {
    secrets: BTreeMap<String, Arc<Secret>>,
    /// How many ARNs were ever given out.
    made: u64,
}

impl Service {
    /// Carries out any call; the reply as it goes over the wire.
    pub fn call(&mut self, request: &Request, now_ms: u64) -> Result<Json, Error> {
        match request {
            Request::CreateSecret(request) => json(self.create_secret(request, now_ms)),
            Request::DeleteSecret(request) => json(self.delete_secret(request, now_ms)),
            Request::DescribeSecret(request) => json(self.describe_secret(request, now_ms)),
            Request::GetSecretValue(request) => json(self.get_secret_value(request, now_ms)),
            Request::ListSecretVersionIds(request) => json(self.list_secret_version_ids(request, now_ms)),
            Request::ListSecrets(request) => json(self.list_secrets(request, now_ms)),
            Request::PutSecretValue(request) => json(self.put_secret_value(request, now_ms)),
            Request::RestoreSecret(request) => json(self.restore_secret(request, now_ms)),
            Request::TagResource(request) => json(self.tag_resource(request, now_ms)),
            Request::UntagResource(request) => json(self.untag_resource(request, now_ms)),
            Request::UpdateSecretVersionStage(request) => {
                json(self.update_secret_version_stage(request, now_ms))
            }
        }
    }

    /// The secret that a `SecretId` means, a deleted one too while it can be restored.
    pub fn secret(&self, id: &str, now_ms: u64) -> Option<&Secret> {
        let there = |secret: &&Arc<Secret>| secret.deletion.is_none_or(|deletion| now_ms < deletion.due_ms);
        let means = |secret: &&Arc<Secret>| name::means(id, &secret.name, &secret.arn);
        self.secrets.values().filter(there).find(means).map(AsRef::as_ref)
    }

    /// What the console shows of native rotation; it does nothing here. `None`: never configured.
    pub fn set_rotation_enabled(&mut self, id: &str, on: Option<bool>, now_ms: u64) -> Result<(), Error> {
        self.edit(id, now_ms, |secret| {
            secret.rotation_enabled = on;
            secret.changed_ms = now_ms;
            Ok(())
        })
    }

    /// What native rotation can leave where it fails (documented: `RotateSecret`): AWSPENDING, on a version without
    /// a value.
    pub fn leave_empty_pending(&mut self, id: &str, version: &str, now_ms: u64) -> Result<(), Error> {
        self.edit(id, now_ms, |secret| {
            secret.make_room(now_ms)?;
            secret.versions.push(Version { id: version.to_owned(), created_ms: now_ms, value: None });
            secret.attach("AWSPENDING", version);
            secret.check_labels()
        })
    }

    /// Makes it a secret that is managed by a service of AWS. `None`: it is the account's own.
    pub fn set_owning_service(&mut self, id: &str, by: Option<&str>, now_ms: u64) -> Result<(), Error> {
        self.edit(id, now_ms, |secret| {
            secret.owning_service = by.map(str::to_owned);
            secret.changed_ms = now_ms;
            Ok(())
        })
    }

    /// Makes it a copy of a secret of that region; or says which regions have copies of it, and how each stands. A copy
    /// refuses writes (documented: "Replicate secrets across Regions").
    pub fn set_replication(
        &mut self,
        id: &str,
        primary_region: Option<&str>,
        replicas: &[(&str, &str)],
        now_ms: u64,
    ) -> Result<(), Error> {
        self.edit(id, now_ms, |secret| {
            secret.primary_region = primary_region.map(str::to_owned);
            let owned = |(region, status): &(&str, &str)| ((*region).to_owned(), (*status).to_owned());
            secret.replicas = replicas.iter().map(owned).collect();
            Ok(())
        })
    }

    /// Makes it a managed external secret, of that type.
    pub fn set_type(&mut self, id: &str, kind: Option<&str>, now_ms: u64) -> Result<(), Error> {
        self.edit(id, now_ms, |secret| {
            secret.kind = kind.map(str::to_owned);
            Ok(())
        })
    }

    fn found(&self, id: &str, now_ms: u64) -> Result<&Secret, Error> {
        self.secret(id, now_ms).ok_or_else(Error::no_secret)
    }

    /// A secret whose value may be read. Documented: a deleted one refuses with
    /// `InvalidRequestException`.
    fn live(&self, id: &str, now_ms: u64) -> Result<&Secret, Error> {
        let secret = self.found(id, now_ms)?;
        if secret.deletion.is_some() { Err(Error::deleted()) } else { Ok(secret) }
    }

    /// Changes a live secret, wholly or not at all.
    fn edit<T>(
        &mut self,
        id: &str,
        now_ms: u64,
        change: impl FnOnce(&mut Secret) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut secret = self.live(id, now_ms)?.clone();
        let reply = change(&mut secret)?;
        self.secrets.insert(secret.name.clone(), Arc::new(secret));
        Ok(reply)
    }
}

fn json(reply: Result<impl Serialize, Error>) -> Result<Json, Error> {
    let internal = |_| Error::service(500, "InternalServiceError", "The reply could not be written.");
    serde_json::to_value(reply?).map_err(internal)
}
