//! What was called, and what came of it: for the state, and for the caller. Never a secret value.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Request;

/// The oldest entries go when there are more than this, so that a fake can run for days.
pub(crate) const ENTRIES: usize = 100_000;

/// One call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Call {
    /// Its place among all calls since the start, from 1.
    pub seq: u64,
    /// When it came, on the fake's clock.
    pub at_ms: u64,
    /// Its name, also of an operation that the fake does not have.
    pub operation: String,
    /// The access key of its signature; none: it was not signed.
    pub caller: Option<String>,
    /// The time of its signature (`X-Amz-Date`), as it was written.
    pub signed: Option<String>,
    /// The secret as the caller named it.
    pub secret: Option<String>,
    /// `ClientRequestToken`, or `VersionId`.
    pub version: Option<String>,
    /// `VersionStage`, or `VersionStages`.
    pub labels: Vec<String>,
    /// `MoveToVersionId`.
    pub move_to: Option<String>,
    /// `RemoveFromVersionId`.
    pub remove_from: Option<String>,
    /// The fault that befell it.
    pub fault: Option<String>,
    /// What it did.
    pub effect: Outcome,
    /// What the caller saw.
    pub answer: Outcome,
}

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It went well.
    Done,
    /// It was refused, with that code.
    Refused(String),
    /// It came to nothing: nothing has happened, or nothing was answered.
    Nothing,
    /// It is yet to land.
    Pending,
}

/// The labels of a secret after a write to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// The call that did it.
    pub seq: u64,
    /// When it took effect.
    pub at_ms: u64,
    /// The secret's name.
    pub secret: String,
    /// Its ARN.
    pub arn: String,
    /// Each label and the version that bears it; none: the secret is gone.
    pub labels: BTreeMap<String, String>,
}

impl Call {
    pub(crate) fn new(seq: u64, at_ms: u64, caller: Option<&str>, operation: &str) -> Self {
        Self {
            seq,
            at_ms,
            operation: operation.to_owned(),
            caller: caller.map(str::to_owned),
            signed: None,
            secret: None,
            version: None,
            labels: Vec::new(),
            move_to: None,
            remove_from: None,
            fault: None,
            effect: Outcome::Nothing,
            answer: Outcome::Nothing,
        }
    }

    /// Writes down what is no secret.
    pub(crate) fn about(mut self, request: &Request) -> Self {
        self.secret = request.secret_id().map(str::to_owned);
        match request {
            Request::CreateSecret(request) => self.version.clone_from(&request.client_request_token),
            Request::GetSecretValue(request) => {
                self.version.clone_from(&request.version_id);
                self.labels.extend(request.version_stage.clone());
            }
            Request::PutSecretValue(request) => {
                self.version.clone_from(&request.client_request_token);
                self.labels = request.version_stages.clone().unwrap_or_default();
            }
            Request::UpdateSecretVersionStage(request) => {
                self.labels.push(request.version_stage.clone());
                self.move_to.clone_from(&request.move_to_version_id);
                self.remove_from.clone_from(&request.remove_from_version_id);
            }
            _ => {}
        }
        self
    }
}
