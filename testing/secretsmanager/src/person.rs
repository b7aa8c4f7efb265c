//! What a person does at the console, or with the command line: the same operations, by another
//! caller, whom no fault befalls and no policy binds.

use crate::{
    Fake,
    model::{
        CreateSecret, DeleteSecret, Error, PutSecretValue, Request, RestoreSecret, Tag, TagResource,
        UpdateSecretVersionStage,
    },
};

/// Somebody with all rights. Their calls are in the log, as those of `person`.
#[derive(Debug)]
pub struct Person<'a> {
    fake: &'a Fake,
}

impl<'a> Person<'a> {
    pub(crate) fn new(fake: &'a Fake) -> Self {
        Self { fake }
    }

    /// Makes a secret with a first value.
    pub fn create(&self, name: &str, version: &str, value: &str) -> Result<(), Error> {
        self.does(CreateSecret {
            name: name.to_owned(),
            client_request_token: Some(version.to_owned()),
            secret_string: Some(value.into()),
            ..CreateSecret::default()
        })
    }

    /// Makes a secret without a value. The service wants a token even so.
    pub fn create_empty(&self, name: &str, token: &str) -> Result<(), Error> {
        let client_request_token = Some(token.to_owned());
        self.does(CreateSecret { name: name.to_owned(), client_request_token, ..CreateSecret::default() })
    }

    /// Puts a version; without labels, it becomes AWSCURRENT.
    pub fn put(&self, secret: &str, version: &str, value: &str, labels: &[&str]) -> Result<(), Error> {
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        self.does(PutSecretValue {
            secret_id: secret.to_owned(),
            client_request_token: Some(version.to_owned()),
            secret_string: Some(value.into()),
            secret_binary: None,
            version_stages: (!labels.is_empty()).then_some(labels),
        })
    }

    /// Attaches, moves or removes a label.
    pub fn label(
        &self,
        secret: &str,
        label: &str,
        to: Option<&str>,
        from: Option<&str>,
    ) -> Result<(), Error> {
        self.does(UpdateSecretVersionStage {
            secret_id: secret.to_owned(),
            version_stage: label.to_owned(),
            move_to_version_id: to.map(str::to_owned),
            remove_from_version_id: from.map(str::to_owned),
        })
    }

    /// Sets a tag.
    pub fn tag(&self, secret: &str, key: &str, value: &str) -> Result<(), Error> {
        let tags = vec![Tag { key: key.to_owned(), value: value.to_owned() }];
        self.does(TagResource { secret_id: secret.to_owned(), tags })
    }

    /// Deletes a secret, which can be restored for 30 days.
    pub fn delete(&self, secret: &str) -> Result<(), Error> {
        self.does(DeleteSecret { secret_id: secret.to_owned(), ..DeleteSecret::default() })
    }

    /// Deletes a secret for good.
    pub fn delete_by_force(&self, secret: &str) -> Result<(), Error> {
        let force_delete_without_recovery = Some(true);
        let secret_id = secret.to_owned();
        self.does(DeleteSecret { secret_id, force_delete_without_recovery, ..DeleteSecret::default() })
    }

    /// Takes a deletion back.
    pub fn restore(&self, secret: &str) -> Result<(), Error> {
        self.does(RestoreSecret { secret_id: secret.to_owned() })
    }

    /// Switches native rotation on or off. Only the flag: the fake rotates nothing.
    pub fn set_rotation_enabled(&self, secret: &str, on: bool) -> Result<(), Error> {
        self.fake.knob("SetRotationEnabled", secret, |service, now_ms| {
            service.set_rotation_enabled(secret, Some(on), now_ms)
        })
    }

    /// Has native rotation begun and given up: AWSPENDING stays, on a version without a value.
    pub fn leave_empty_pending(&self, secret: &str, version: &str) -> Result<(), Error> {
        self.fake.knob("RotateSecret", secret, |service, now_ms| {
            service.leave_empty_pending(secret, version, now_ms)
        })
    }

    /// Makes it a secret that a service of AWS manages, or the account's own again.
    pub fn set_owning_service(&self, secret: &str, by: Option<&str>) -> Result<(), Error> {
        self.fake.knob("SetOwningService", secret, |service, now_ms| {
            service.set_owning_service(secret, by, now_ms)
        })
    }

    /// Makes it a copy of a secret of that region; or the account's own again.
    pub fn set_primary_region(&self, secret: &str, region: Option<&str>) -> Result<(), Error> {
        self.fake.knob("SetReplication", secret, |service, now_ms| {
            service.set_replication(secret, region, &[], now_ms)
        })
    }

    /// Which regions have copies of it, and how each stands: `InSync`, `InProgress` or `Failed`.
    pub fn set_replicas(&self, secret: &str, replicas: &[(&str, &str)]) -> Result<(), Error> {
        self.fake.knob("SetReplication", secret, |service, now_ms| {
            service.set_replication(secret, None, replicas, now_ms)
        })
    }

    /// Makes it a managed external secret, of that type; or a plain one again.
    pub fn set_type(&self, secret: &str, kind: Option<&str>) -> Result<(), Error> {
        self.fake.knob("SetType", secret, |service, now_ms| service.set_type(secret, kind, now_ms))
    }

    /// Any other call.
    pub fn does(&self, request: impl Into<Request>) -> Result<(), Error> {
        self.fake.as_person(&request.into()).map(drop)
    }
}
