//! What verifiers are told: for each audience an accept set and its place in time.
//!
//! State flows one way, as whole values: a secret's versions come in, the views of its audience are
//! made anew, and whoever decides on a request reads the newest one, without a lock where nothing has
//! changed since somebody read it last. Nothing here can write to the store, or has ever seen a token.
//! What is counted about use is kept apart from what is accepted, and never flows back.

mod content;
mod decision;
mod members;
mod registry;
mod renewal;
mod sets;
mod slot;
mod state;
mod usage;
pub use content::{Content, Publication, Text};
pub use decision::{Accepted, Decision};
pub use members::{Bounds, Member};
pub use registry::{Ask, KnownVerifier, Registry, Standing, longest_wait};
pub use sets::Distribution;
pub use usage::{LastUse, Usage, Watched};

#[cfg(test)]
mod tests;
