//! What can be asked, as AWS JSON 1.1 spells it.
//!
//! Parameters that this fake has no use for are ignored, as an unknown one is by AWS.

use serde::Deserialize;

use super::{Binary, Error, Text};

macro_rules! operations {
    ($($operation:ident),+ $(,)?) => {
        /// An operation that the fake knows. Its name is also that of the IAM action.
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize, serde::Serialize)]
        pub enum Operation { $($operation),+ }

        impl Operation {
            /// The operation with that name, or why there is none.
            pub fn named(name: &str) -> Result<Self, Error> {
                match name { $(stringify!($operation) => Ok(Self::$operation),)+ _ => Err(none(name)) }
            }

            /// AWS's name of it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$operation => stringify!($operation)),+ }
            }
        }

        /// One call.
        #[derive(Clone, Debug)]
        pub enum Request { $($operation($operation)),+ }

        impl Request {
            /// Reads the body of a call. What could not be read is not repeated: it may be a secret.
            pub fn parse(operation: Operation, body: &[u8]) -> Result<Self, Error> {
                let unread = || Error::caller("SerializationException", "The body could not be read.");
                match operation {
                    $(Operation::$operation =>
                        serde_json::from_slice(body).map(Self::$operation).map_err(|_| unread())),+
                }
            }

            /// Which operation this is a call of.
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),+ }
            }
        }

        $(impl From<$operation> for Request {
            fn from(request: $operation) -> Self {
                Self::$operation(request)
            }
        })+
    };
}

operations!(
    CreateSecret,
    DeleteSecret,
    DescribeSecret,
    GetSecretValue,
    ListSecretVersionIds,
    ListSecrets,
    PutSecretValue,
    RestoreSecret,
    TagResource,
    UntagResource,
    UpdateSecretVersionStage,
);

impl Operation {
    /// Whether it changes nothing.
    pub fn reads(self) -> bool {
        matches!(
            self,
            Self::DescribeSecret | Self::GetSecretValue | Self::ListSecretVersionIds | Self::ListSecrets
        )
    }

    /// Whether it needs the KMS key. A label moves without it (documented: `UpdateSecretVersionStage`
    /// asks for no right on the key).
    pub fn uses_key(self) -> bool {
        matches!(self, Self::CreateSecret | Self::GetSecretValue | Self::PutSecretValue)
    }
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? })+) => {
        $($(#[$doc])*
        #[derive(Clone, Default, Debug, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind),* })+
    };
}

requests! {
    /// See `CreateSecret` in AWS's API reference.
    CreateSecret {
        name: String,
        client_request_token: Option<String>,
        description: Option<String>,
        kms_key_id: Option<String>,
        secret_string: Option<Text>,
        secret_binary: Option<Binary>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    /// See `DeleteSecret` in AWS's API reference.
    DeleteSecret {
        secret_id: String,
        force_delete_without_recovery: Option<bool>,
        recovery_window_in_days: Option<i64>,
    }
    /// See `DescribeSecret` in AWS's API reference.
    DescribeSecret { secret_id: String }
    /// See `GetSecretValue` in AWS's API reference.
    GetSecretValue { secret_id: String, version_id: Option<String>, version_stage: Option<String> }
    /// See `ListSecretVersionIds` in AWS's API reference.
    ListSecretVersionIds {
        secret_id: String,
        include_deprecated: Option<bool>,
        max_results: Option<i32>,
        next_token: Option<String>,
    }
    /// See `ListSecrets` in AWS's API reference; filters and sorting are left out.
    ListSecrets {
        include_planned_deletion: Option<bool>,
        max_results: Option<i32>,
        next_token: Option<String>,
    }
    /// See `PutSecretValue` in AWS's API reference.
    PutSecretValue {
        secret_id: String,
        client_request_token: Option<String>,
        secret_string: Option<Text>,
        secret_binary: Option<Binary>,
        version_stages: Option<Vec<String>>,
    }
    /// See `RestoreSecret` in AWS's API reference.
    RestoreSecret { secret_id: String }
    /// See `TagResource` in AWS's API reference.
    TagResource { secret_id: String, tags: Vec<Tag> }
    /// See `UntagResource` in AWS's API reference.
    UntagResource { secret_id: String, tag_keys: Vec<String> }
    /// See `UpdateSecretVersionStage` in AWS's API reference.
    UpdateSecretVersionStage {
        secret_id: String,
        version_stage: String,
        move_to_version_id: Option<String>,
        remove_from_version_id: Option<String>,
    }
    /// A tag of a secret.
    Tag {
        key: String,
        #[serde(default)]
        value: String,
    }
}

impl Request {
    /// The secret as the caller named it; none: the call is about no single one.
    pub fn secret_id(&self) -> Option<&str> {
        match self {
            Self::CreateSecret(request) => Some(&request.name),
            Self::DeleteSecret(request) => Some(&request.secret_id),
            Self::DescribeSecret(request) => Some(&request.secret_id),
            Self::GetSecretValue(request) => Some(&request.secret_id),
            Self::ListSecretVersionIds(request) => Some(&request.secret_id),
            Self::ListSecrets(_) => None,
            Self::PutSecretValue(request) => Some(&request.secret_id),
            Self::RestoreSecret(request) => Some(&request.secret_id),
            Self::TagResource(request) => Some(&request.secret_id),
            Self::UntagResource(request) => Some(&request.secret_id),
            Self::UpdateSecretVersionStage(request) => Some(&request.secret_id),
        }
    }
}

fn none(name: &str) -> Error {
    if LEFT_OUT.contains(&name) {
        let message = format!("{name} is left out of this fake on purpose.");
        return Error::caller("NotImplementedByTheFake", message);
    }
    Error::caller("UnknownOperationException", "There is no such operation.")
}

/// What AWS has and the fake does not.
const LEFT_OUT: &[&str] = &[
    "BatchGetSecretValue",
    "CancelRotateSecret",
    "DeleteResourcePolicy",
    "GetRandomPassword",
    "GetResourcePolicy",
    "PutResourcePolicy",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RotateSecret",
    "StopReplicationToReplica",
    "UpdateSecret",
    "ValidateResourcePolicy",
];
