//! Following a daemon, against one that is scripted: what it does wrong, and what the verifier makes of it.

#![expect(clippy::disallowed_methods, reason = "a test waits for conditions, and its server ends with it")]

#[cfg(feature = "tower")]
mod browsers;
mod cache;
mod faults;
mod follow;
#[cfg(feature = "tower")]
mod layer;
mod left_behind;
mod machine;
mod old;
mod planted;
mod refresh;
mod reports;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
#[cfg(feature = "tower")]
mod uploads;
