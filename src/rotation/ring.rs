//! A secret's versions, as the store holds them at one moment.
//!
//! A version holds a digest, never a token. Wrong states can't be written down: there is exactly
//! one current version, and a previous one does not exist without its deadline.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crossfade_verify::Digest;
use uuid::Uuid;

use crate::time::Timestamp;

/// A version's name: Secrets Manager's ClientRequestToken, a UUID.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(Uuid);

/// Our namespace for derived version ids (RFC 9562, version 5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_8a52_3c0e_5b7f_9b1a_c4f0_55fa_de01);

impl VersionId {
    /// The id of the version that follows `current`: the same for every replica that derives it, so
    /// that all of them together can write it only once. `attempt` counts the ids already burnt.
    pub fn derive(secret: &str, current: Option<VersionId>, attempt: u32) -> Self {
        let parent = current.map(|id| id.to_string()).unwrap_or_default();
        Self(Uuid::new_v5(&NAMESPACE, format!("{secret}|{parent}|{attempt}").as_bytes()))
    }

    /// Of a store's own name for a version: the UUID that it is, or one that stands for it where it is none.
    pub fn of_name(name: &str) -> Self {
        let uuid = name.parse::<Uuid>().ok().filter(|uuid| uuid.to_string() == name);
        Self(uuid.unwrap_or_else(|| Uuid::new_v5(&NAMESPACE, format!("name|{name}").as_bytes())))
    }

    /// Whether it has the form of those that [`VersionId::derive`] makes.
    pub fn is_derived(self) -> bool {
        self.0.get_version_num() == 5
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VersionId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// In place of a digest, where a version's value is no token: nothing is known whose SHA-256 this is.
pub const NO_TOKEN: Digest = Digest::from_bytes([0; 32]);

/// One generation of a secret.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Version {
    /// Its name.
    pub id: VersionId,
    /// When it was made, on the store's clock.
    pub created: Timestamp,
    /// Of its token, computed from the value itself; [`NO_TOKEN`] where that is none, and what stands for none (see
    /// [`Version::is_unread`]) where it can't be read.
    pub digest: Digest,
    /// Whether somebody else made its token (it does not have our shape).
    pub foreign: bool,
    /// The mark of an end, and when it was written. A marked version is accepted only while it is
    /// current, and then it is replaced at once, without grace.
    pub ended: Option<Timestamp>,
    /// A deadline written ahead. Without meaning while the version is current; a pending version
    /// that bears one is being taken back, and never promoted.
    pub note: Option<Timestamp>,
}

impl Version {
    /// In place of a digest, where a version's value can't be read: another one for each version, so that no two are
    /// taken for the same token. Nothing is known whose SHA-256 ends in so many zeros.
    pub fn unread(id: VersionId) -> Digest {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(id.0.as_bytes());
        Digest::from_bytes(bytes)
    }

    /// Whether its value can't be read: what its token is, is not known.
    pub fn is_unread(&self) -> bool {
        self.digest == Self::unread(self.id)
    }

    /// Whether its token is known, so that it can be accepted.
    pub fn has_token(&self) -> bool {
        self.digest != NO_TOKEN && !self.is_unread()
    }
}

/// A version that was replaced, or taken back, and is accepted until its deadline.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// From here on it is not accepted.
    pub deadline: Timestamp,
}

/// All versions of a secret that still matter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ring {
    /// The version that bots read.
    pub current: Version,
    /// The version that comes next: already accepted, not yet handed out.
    pub pending: Option<Version>,
    /// Those that were current, newest first.
    pub previous: Vec<Previous>,
    /// A person has put the schedule on hold.
    pub paused: Option<Timestamp>,
    /// No slot before this time is due: the secret was adopted then, or a slot was skipped.
    pub kept: Option<Timestamp>,
    /// What else the read showed.
    pub findings: Findings,
}

/// What a store that people can edit, and that changes one thing a write, may show beside the versions.
/// One that nobody else writes, and that changes all that belongs together at once, shows none of it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Findings {
    /// The pending version was to follow one that is not current any more: a person has moved the label.
    pub orphaned: bool,
    /// A person has made an older version current again.
    pub rolled_back: bool,
    /// A note or label on this version is to be put in order.
    pub untidy: Option<VersionId>,
    /// Why no version may be staged or promoted.
    pub held: Option<Held>,
    /// Copies of it elsewhere are not in sync, so that all but ends waits: what people have to know of it.
    pub replicating: Option<&'static str>,
    /// Of a version that matters the value can't be read, or whose it is: what is unknown here may well be right.
    pub unread: bool,
}

/// What keeps a secret from being rotated until a person, or time, has mended it. What people have to know of it beyond
/// that, the store says.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Held {
    /// Somebody else is rotating it.
    #[error("{0}")]
    ForeignPending(&'static str),
    /// The store itself rotates it.
    #[error("{0}")]
    NativeRotation(&'static str),
    /// It can't be told who put the pending version.
    #[error(
        "it can't be told whose the pending version is: the list of the secret's versions can't be read. Nothing is staged \
         or promoted until it can (the log and `status` say why)"
    )]
    PendingUnread,
    /// It belongs to another service.
    #[error("{0}")]
    Managed(&'static str),
    /// It is a copy of a secret in another region.
    #[error("{0}")]
    Replica(&'static str),
    /// Bots can't use what they read.
    #[error(
        "the current version's value can't be used as a token: {0}. Or let `rotate` put a new one there; what was current \
         before keeps its grace"
    )]
    Unusable(&'static str),
    /// As above, and a new token in its place would throw away what else it holds.
    #[error(
        "the current version's value can't be used as a token: {0}. No new one is put in its place: what else it holds would be lost"
    )]
    Irreplaceable(&'static str),
    /// There is no room for the notes that a rotation needs.
    #[error("{0}")]
    Full(&'static str),
}

impl Held {
    /// Whether time mends it, and no person has to.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Full(_) | Self::PendingUnread)
    }
}

/// Ends that this process wrote or saw: of which token, whatever versions have it, and when.
pub type Marks = BTreeMap<Digest, Timestamp>;

impl Ring {
    /// One version, and nothing else.
    pub fn of(current: Version) -> Self {
        let (pending, previous, paused, kept, findings) = Default::default();
        Self { current, pending, previous, paused, kept, findings }
    }

    /// Whether it is a copy of a secret elsewhere, which takes no writes.
    pub const fn is_replica(&self) -> bool {
        matches!(self.findings.held, Some(Held::Replica(_)))
    }

    /// Every version, in no particular order.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        let previous = self.previous.iter().map(|p| &p.version);
        std::iter::once(&self.current).chain(&self.pending).chain(previous)
    }

    pub(super) fn versions_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        let previous = self.previous.iter_mut().map(|p| &mut p.version);
        std::iter::once(&mut self.current).chain(&mut self.pending).chain(previous)
    }

    /// The version of that name.
    pub fn version(&self, id: VersionId) -> Option<&Version> {
        self.versions().find(|v| v.id == id)
    }

    /// Applies the ends that are known to this (perhaps late) read of the store, and adds those that it shows: an end
    /// once seen is never forgotten. It is the token's: another version that has the same one is ended with it.
    pub fn remember_ends(&mut self, marks: &mut Marks) {
        for version in self.versions() {
            if let Some(at) = version.ended {
                marks.entry(version.digest).or_insert(at);
            }
        }
        for version in self.versions_mut() {
            let known = marks.get(&version.digest).filter(|_| version.digest != NO_TOKEN);
            version.ended = version.ended.or(known.copied());
        }
    }
}
