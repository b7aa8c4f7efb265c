//! One secret: its versions, and which of them bears which label.
//!
//! A label is a key here, so that it can't be on two versions at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, Value, limits, name};

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret with all its versions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_ms: u64,
    pub(super) changed_ms: u64,
    pub(super) deletion: Option<Deletion>,
    pub(super) rotation_enabled: Option<bool>,
    pub(super) owning_service: Option<String>,
    /// What it is for a third party that manages it together with AWS (documented: `Type`, "managed external secrets").
    pub(super) kind: Option<String>,
    /// The region of the secret that this one is a copy of, or its own where it has copies.
    pub(super) primary_region: Option<String>,
    /// The regions that have copies of it, and how each stands: `InSync`, `InProgress` or `Failed`.
    pub(super) replicas: BTreeMap<String, String>,
    /// The oldest first.
    pub(super) versions: Vec<Version>,
    pub(super) labels: BTreeMap<String, String>,
}

/// One value of a secret. It never changes; only a version that has none yet can get one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// Its ClientRequestToken.
    pub id: String,
    /// When it was made.
    pub created_ms: u64,
    /// None: native rotation has made it, and has put nothing there yet (documented: `RotateSecret`).
    pub(super) value: Option<Value>,
}

/// A deletion that may still be taken back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Deletion {
    pub(super) asked_ms: u64,
    pub(super) due_ms: u64,
}

impl Version {
    /// Its value, where it is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Some(Value::Text(text)) => Some(text.expose()),
            Some(Value::Binary(_)) | None => None,
        }
    }
}

impl Secret {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its whole ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Each label and the id of the version that bears it.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Its versions, deprecated ones included, the oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Documented: `InvalidRequestException`; the message is recorded by others.
    pub(super) fn check_primary(&self) -> Result<(), Error> {
        let is_copy = self.primary_region.as_deref().is_some_and(|region| region != name::REGION);
        if is_copy { Err(Error::request("Operation not permitted on a replica secret.")) } else { Ok(()) }
    }

    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The labels of a version; none: it is deprecated.
    pub(super) fn labels_of(&self, id: &str) -> Vec<String> {
        self.labels.iter().filter(|(_, on)| *on == id).map(|(label, _)| label.clone()).collect()
    }

    /// Puts a label on a version, taking it from whichever had it. Where AWSCURRENT moves, the loser
    /// gets AWSPREVIOUS, and nothing else moves: AWSPENDING stays on the promoted version (recorded,
    /// though the user guide says otherwise).
    pub(super) fn attach(&mut self, label: &str, id: &str) {
        let loser = self.labels.insert(label.to_owned(), id.to_owned());
        if label != CURRENT {
            return;
        }
        if let Some(loser) = loser.filter(|loser| loser != id) {
            self.labels.insert(PREVIOUS.to_owned(), loser);
        }
    }

    /// Makes a version with that value, or gives it to the one that has none yet.
    pub(super) fn give(&mut self, id: &str, value: Value, now_ms: u64) -> Result<(), Error> {
        if let Some(empty) = self.versions.iter_mut().find(|version| version.id == id) {
            empty.value = Some(value);
            return Ok(());
        }
        self.make_room(now_ms)?;
        self.versions.push(Version { id: id.to_owned(), created_ms: now_ms, value: Some(value) });
        Ok(())
    }

    /// Documented: "Secrets Manager quotas"; the code too.
    pub(super) fn check_labels(&self) -> Result<(), Error> {
        if self.labels.len() <= limits::LABELS {
            return Ok(());
        }
        Err(Error::limit("You can't have more than 20 staging labels attached to a secret."))
    }

    /// Makes room for one more version: deprecated ones that are 24 h old go, the oldest first, and no
    /// more of them than needed (documented: `PutSecretValue`, "Secrets Manager quotas").
    pub(super) fn make_room(&mut self, now_ms: u64) -> Result<(), Error> {
        let labelled: BTreeSet<&String> = self.labels.values().collect();
        let mut excess = (self.versions.len() + 1).saturating_sub(limits::VERSIONS);
        self.versions.retain(|version| {
            let old = now_ms.saturating_sub(version.created_ms) >= limits::KEPT_MS;
            let goes = excess > 0 && old && !labelled.contains(&version.id);
            excess -= usize::from(goes);
            !goes
        });
        if excess == 0 {
            return Ok(());
        }
        Err(Error::limit("The secret has 100 versions, and none of them can be removed yet."))
    }
}
