//! Verifies Crossfade's rotating bearer tokens locally, from a set of digests.
//!
//! An [`AcceptSet`] says which tokens one audience accepts, as digests. A [`View`] is such a set and its
//! place in time. [`decide`] says of a presented token whether it is accepted, refused, or whether the
//! view is too old to know:
//!
//! ```
//! use crossfade_verify::{AcceptSet, Moment, Verdict, View, decide};
//!
//! let json = br#"{"format":1,"audience":"https://mcp.example.com","freshness_ms":60000,"hold_ms":86400000,"entries":[]}"#;
//! let set = AcceptSet::parse(json, "https://mcp.example.com")?;
//! let taken = Moment { boot_ms: 5_000, wall_ms: 1_795_000_000_000 };
//! let view = View { set, now_ms: 1_795_000_000_000, age_ms: 0, taken, complete: true };
//!
//! let later = Moment { boot_ms: 64_999, wall_ms: 1_795_000_059_999 };
//! assert!(matches!(decide(Some(&view), b"a-token-of-somebody-else", later), Verdict::Refused(_)));
//! let too_late = Moment { boot_ms: 65_000, wall_ms: 1_795_000_060_000 };
//! assert_eq!(decide(Some(&view), b"a-token-of-somebody-else", too_late), Verdict::Unsure);
//! # Ok::<(), crossfade_verify::SetError>(())
//! ```
//!
//! That is the core. What is deliberately not in it: I/O, a clock, logging, and any way from a digest back to a
//! token. Three features do the rest: `tower` (`tower::RequireToken`), `http` (`Verifier::connect`, which follows a
//! daemon by a `feed::Feed`, and `bot::TokenSource`) and `tls`; `docs/rust.md` shows them. Whoever decides without a
//! `Verifier` reads his own two clocks, and says no to nobody on [`Verdict::Unsure`]; for him there are [`timing`],
//! [`gate`] and [`token`].

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accept_set;
mod cache_padded;
mod clock;
mod crc;
mod digest;
pub mod gate;
mod grant;
mod json;
mod presented;
pub mod timing;
pub mod token;
mod verdict;

#[cfg(feature = "http")]
pub mod bot;
#[cfg(feature = "http")]
pub mod feed;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "verifier")]
mod verifier;

pub use accept_set::{AcceptSet, Entry, SetError, Stage};
pub use clock::Moment;
pub use digest::Digest;
pub use grant::{Grant, Secret, Source};
pub use presented::{CredentialError, presented};
pub use verdict::{Accepted, Reason, Verdict, View, decide};

#[cfg(feature = "verifier")]
pub use verifier::{Clock, Status, SystemClock, Verifier};

/// What `docs/rust.md` shows compiles.
#[cfg(all(doctest, feature = "http", feature = "tower"))]
#[doc = include_str!("../../docs/rust.md")]
struct Documented;
