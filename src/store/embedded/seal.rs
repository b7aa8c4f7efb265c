//! Sealing: AES-256-GCM-SIV (RFC 8452) with a random nonce, which forgives a nonce that repeats.
//!
//! Every record of the database is sealed or bears a seal, and everything that stands beside the
//! seal in clear is bound to it. So whoever can write the file, but has no key, can't change a stage,
//! a deadline, a mark or the clock without being noticed. What is not noticed is a whole database
//! that is put back as it was at an earlier time: that takes a memory outside it.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::DatabaseError;
use crate::time::Timestamp;

/// The length of a key, in bytes.
pub(super) const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

/// A key, by itself.
pub(super) struct Key(pub(super) Zeroizing<[u8; KEY_LENGTH]>);

impl Key {
    /// A new one.
    pub(super) fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        SysRng.try_fill_bytes(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// By what a key is recognised: it tells a wrong key from a damaged record. Nothing is learnt
    /// from it, as a key is 256 random bits.
    pub(super) fn id(&self) -> [u8; 16] {
        let hash =
            Sha256::new().chain_update(b"crossfade embedded store: key id").chain_update(self.0.as_slice());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        id
    }
}

/// What is bound to a seal, as bytes that can be read in one way only.
pub(super) struct Bound(Vec<u8>);

impl Bound {
    /// To a record of that kind, so that none can stand in for one of another kind.
    pub(super) fn to(kind: &str) -> Self {
        Self(Vec::with_capacity(256)).bytes(kind.as_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend((bytes.len() as u64).to_be_bytes());
        self.0.extend(bytes);
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn time(self, time: Timestamp) -> Self {
        self.number(time.as_millis())
    }

    /// A time or its absence; the flag keeps them apart.
    pub(super) fn maybe(mut self, time: Option<Timestamp>) -> Self {
        self.0.push(u8::from(time.is_some()));
        self.time(time.unwrap_or_default())
    }
}

/// Seals and opens records of one database.
pub(super) struct Sealer {
    key: LessSafeKey,
    database: Vec<u8>,
}

impl Sealer {
    /// For the database of that id: a record of another one does not open, even with the same key.
    pub(super) fn new(key: &Key, database: &[u8]) -> Result<Self, DatabaseError> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.0.as_slice()).map_err(|_| DatabaseError::crypto())?;
        Ok(Self { key: LessSafeKey::new(key), database: database.to_vec() })
    }

    /// The nonce, the sealed bytes and the tag.
    pub(super) fn seal(&self, bound: Bound, plain: &[u8]) -> Result<Vec<u8>, DatabaseError> {
        let mut nonce = [0; NONCE_LENGTH];
        SysRng.try_fill_bytes(&mut nonce).map_err(DatabaseError::randomness)?;
        // Room for the tag from the start: a buffer that moves would leave the plain bytes behind.
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + TAG_LENGTH));
        body.extend_from_slice(plain);
        let bound = Aad::from(bound.bytes(&self.database).0);
        let sealed =
            self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut *body);
        sealed.map_err(|_| DatabaseError::crypto())?;
        Ok([&nonce[..], &body[..]].concat())
    }

    /// The plain bytes; none where anything was changed.
    pub(super) fn open(&self, bound: Bound, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let bound = Aad::from(bound.bytes(&self.database).0);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.key.open_in_place(nonce, bound, &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    /// A seal over what is bound alone.
    pub(super) fn sign(&self, bound: Bound) -> Result<Vec<u8>, DatabaseError> {
        self.seal(bound, &[])
    }

    /// Whether the seal is of exactly that.
    pub(super) fn vouches_for(&self, bound: Bound, seal: &[u8]) -> bool {
        self.open(bound, seal).is_some_and(|plain| plain.is_empty())
    }
}
