//! Placeholder until the verifier lands.
use base64::Engine as _;
use sha2::Digest as _;
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);
impl Digest {
    pub fn of(token: &[u8]) -> Self {
        Self(sha2::Sha256::digest(token).into())
    }
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    pub fn parse(_: &str) -> Option<Self> {
        None
    }
}
impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Ours,
    Foreign,
    Malformed,
}
pub fn shape(t: &[u8]) -> Shape {
    if t.len() < 16 || t.len() > 512 {
        return Shape::Malformed;
    }
    if t.starts_with(b"mcp_") {
        if checksum(&t[..t.len() - 6]) == t[t.len() - 6..] { Shape::Ours } else { Shape::Malformed }
    } else {
        Shape::Foreign
    }
}
pub fn checksum(body: &[u8]) -> [u8; 6] {
    let mut n = crc32fast::hash(body);
    let mut out = [0; 6];
    for b in out.iter_mut().rev() {
        *b = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(n % 62) as usize];
        n /= 62;
    }
    out
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    pub boot_ms: u64,
    pub wall_ms: u64,
}
use std::sync::Arc;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Pending,
    Current,
    Previous,
}
impl Stage {
    pub const fn as_str(self) -> &'static str {
        "x"
    }
}
#[derive(Clone, Debug)]
pub struct Entry {
    pub digest: Digest,
    pub secret: Arc<str>,
    pub version: Arc<str>,
    pub stage: Stage,
    pub client_id: Arc<str>,
    pub scopes: Arc<[Arc<str>]>,
    pub created_ms: u64,
    pub grace_ms: u64,
    pub not_after_ms: Option<u64>,
}
#[derive(Clone, Debug)]
pub struct AcceptSet;
#[derive(Debug)]
pub struct SetError;
impl AcceptSet {
    pub fn new(_: &str, _: u64, _: u64, _: Vec<Entry>) -> Result<Self, SetError> {
        Ok(Self)
    }
}
#[derive(Clone, Debug)]
pub struct View {
    pub set: AcceptSet,
    pub now_ms: u64,
    pub age_ms: u64,
    pub taken: Moment,
    pub complete: bool,
}
impl View {
    pub fn now_ms(&self, _: Moment) -> u64 {
        0
    }
}
pub enum Verdict<'a> {
    Accepted(Grant<'a>),
    Refused(Reason),
    Unsure,
}
pub struct Grant<'a> {
    pub entry: &'a Entry,
    pub expires_ms: u64,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    Malformed,
    Unknown,
    Expired,
}
impl Reason {
    pub const fn as_str(self) -> &'static str {
        "x"
    }
}
pub fn decide<'a>(_: Option<&'a View>, _: &[u8], _: Moment) -> Verdict<'a> {
    Verdict::Unsure
}
