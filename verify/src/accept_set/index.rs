//! From a digest to the place of its entry.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{Entry, SetError};
use crate::digest::Digest;

/// Places by digest. A digest is its own hash: whoever could choose digests that collide can already
/// choose what is accepted.
#[derive(Clone, Debug)]
pub(super) struct Index(HashMap<Digest, u32, BuildHasherDefault<AsItIs>>);

impl Index {
    pub(super) fn new(entries: &[Entry]) -> Result<Self, SetError> {
        let count = u32::try_from(entries.len()).map_err(|_| SetError::TooLarge)?;
        Ok(Self(entries.iter().map(|entry| entry.digest).zip(0..count).collect()))
    }

    pub(super) fn position(&self, digest: &Digest) -> Option<usize> {
        self.0.get(digest).map(|at| *at as usize)
    }
}

/// A hasher for what is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Not called for a digest; right for anything else too, if not good.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
