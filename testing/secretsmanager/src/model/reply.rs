//! What is answered, as AWS JSON 1.1 spells it: times are seconds since 1970, with a fraction.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Binary, Text};

/// A moment in milliseconds since 1970; seconds on the wire.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Millis(pub u64);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

/// The reply: `CreateSecret`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateSecretReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// The reply: `DeleteSecret`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteSecretReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub deletion_date: Millis,
}

/// The reply: `DescribeSecret`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeSecretReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    pub created_date: Millis,
    pub last_changed_date: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_date: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owning_service: Option<String>,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_region: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replication_status: Vec<ReplicaReply>,
    pub tags: Vec<TagReply>,
    pub version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

/// The reply: one copy of a secret in another region.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicaReply {
    pub region: String,
    pub status: String,
}

/// The reply: `GetSecretValue`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSecretValueReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub version_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_binary: Option<Binary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_stages: Option<Vec<String>>,
    pub created_date: Millis,
}

/// The reply: `ListSecretVersionIds`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSecretVersionIdsReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub versions: Vec<VersionReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The reply: one version in `ListSecretVersionIds`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionReply {
    pub version_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_stages: Option<Vec<String>>,
    pub created_date: Millis,
}

/// The reply: `ListSecrets`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSecretsReply {
    pub secret_list: Vec<SecretReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The reply: one secret in `ListSecrets`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub created_date: Millis,
    pub last_changed_date: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_date: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owning_service: Option<String>,
    pub tags: Vec<TagReply>,
    pub secret_versions_to_stages: BTreeMap<String, Vec<String>>,
}

/// The reply: `PutSecretValue`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutSecretValueReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub version_id: String,
    pub version_stages: Vec<String>,
}

/// The reply: `RestoreSecret` and `UpdateSecretVersionStage`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretIdReply {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
}

/// The reply: one tag.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagReply {
    pub key: String,
    pub value: String,
}
