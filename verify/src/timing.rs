//! What an answer of the feed says of its place in time (`docs/protocol.md`), and whether it counts.
//!
//! No two machines' clocks are compared: the answer says how old it was when it was written and how long it was
//! held, and the verifier's own clocks say how long the rest took.

use std::fmt;

use crate::clock::Moment;

/// From here on not every reader holds each whole number: 2^53.
const TOO_LARGE: u64 = 1 << 53;

/// The longest nonce, in characters.
const NONCE_LEN: usize = 64;

/// Where a view stands in the store's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceInTime {
    /// The store's time, unix ms.
    pub now_ms: u64,
    /// How long before that the store was read.
    pub age_ms: u64,
}

/// One request, as the verifier saw it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The nonce that was sent.
    pub nonce: &'a str,
    /// Before the request was sent.
    pub sent: Moment,
    /// When the answer's head had come.
    pub received: Moment,
}

/// Why an answer is dropped. What is applied stays, at its own age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It has no `Crossfade-Timing`.
    NoTiming,
    /// It has two, or one that can't be read.
    BadTiming,
    /// It answers another request: a cache may have kept it.
    OtherNonce,
    /// The two clocks disagree on how long it took.
    ClocksParted,
    /// The store was read earlier than for the view that is applied.
    Older,
}

impl Dropped {
    /// Its name in logs and in the golden vectors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTiming => "no_timing",
            Self::BadTiming => "bad_timing",
            Self::OtherNonce => "other_nonce",
            Self::ClocksParted => "clocks_parted",
            Self::Older => "older",
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTiming => "the answer has no `Crossfade-Timing`",
            Self::BadTiming => "the answer's `Crossfade-Timing` can't be read",
            Self::OtherNonce => "the answer is not to this request: a cache may stand in between",
            Self::ClocksParted => "this machine's two clocks disagree on how long the answer took",
            Self::Older => "the answer is older than what is applied already",
        })
    }
}

impl std::error::Error for Dropped {}

impl PlaceInTime {
    /// Reads an answer's `Crossfade-Timing` (all headers of that name): the view's place at `received`.
    ///
    /// # Errors
    ///
    /// What may not be used is dropped: see [`Dropped`].
    pub fn of_answer<'h>(
        timings: impl IntoIterator<Item = &'h [u8]>,
        exchange: &Exchange<'_>,
        applied: Option<Self>,
    ) -> Result<Self, Dropped> {
        let mut timings = timings.into_iter();
        let timing = timings.next().ok_or(Dropped::NoTiming)?;
        let stated = Stated::read(timing).filter(|_| timings.next().is_none()).ok_or(Dropped::BadTiming)?;
        if stated.nonce != Some(exchange.nonce) {
            return Err(Dropped::OtherNonce);
        }
        if exchange.received.parted_since(exchange.sent) {
            return Err(Dropped::ClocksParted);
        }
        if applied.is_some_and(|applied| stated.place.read_ms() < applied.read_ms()) {
            return Err(Dropped::Older);
        }
        let transit = exchange.received.elapsed_since_ms(exchange.sent).saturating_sub(stated.held_ms);
        Ok(Self {
            now_ms: stated.place.now_ms.saturating_add(transit),
            age_ms: stated.place.age_ms.saturating_add(transit),
        })
    }

    /// When the store was read, on its own clock.
    pub(crate) const fn read_ms(self) -> u64 {
        self.now_ms.saturating_sub(self.age_ms)
    }
}

/// What the header says.
struct Stated<'h> {
    place: PlaceInTime,
    held_ms: u64,
    nonce: Option<&'h str>,
}

impl<'h> Stated<'h> {
    /// In this order, byte for byte.
    fn read(timing: &'h [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(timing).ok()?.split(", ");
        let mut part = |key: &str| parts.next().map(|part| part.strip_prefix(key)?.strip_prefix('='));
        let now_ms = number(part("now")??)?;
        let age_ms = number(part("age")??)?;
        let held_ms = number(part("held")??)?;
        let nonce = match part("nonce") {
            None => None,
            Some(nonce) => Some(nonce.filter(|nonce| is_name(nonce))?),
        };
        let place = PlaceInTime { now_ms, age_ms };
        (parts.next().is_none() && age_ms <= now_ms).then_some(Self { place, held_ms, nonce })
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|number| digits && shortest && *number < TOO_LARGE)
}

/// What a nonce is, and the name of a verifier's process.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NONCE_LEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
