//! The store: where a secret's versions live, and by which replicas agree.
//!
//! What every store does is the contract of [`Store`] and [`Versions`]; where the versions live is each kind's affair.

mod contract;
mod limits;

pub mod aws;
pub mod decorators;
pub mod embedded;
pub mod proof;

pub use contract::{Cause, Format, ReadError, Reading, Secret, Store, Unread, Versions, WriteError};
pub use limits::Limits;
