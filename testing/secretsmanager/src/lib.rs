//! A strict fake of AWS Secrets Manager, for tests: it follows what AWS documents and what others
//! have recorded on the real service, where the usual emulators depart from it, and it fails on
//! order.
//!
//! - [`model`]: the service as a pure state machine; every rule stands there, with its source.
//! - [`faults`]: what goes wrong, and when.
//! - [`log`]: what was called, and what every write did to the labels.
//! - [`Fake`]: the three together behind one lock, with a [`Clock`] of its own and a [`Person`].
//! - [`Server`]: the fake over HTTP, so that the real SDK talks to it.
//!
//! The sources of rules are marked in words: *documented* (AWS's API reference or user guide),
//! *recorded* (seen on real AWS by others), *measured* (on emulators only), *unverified*.
//!
//! Not there, on purpose: checks of signatures, regions and accounts, encryption, resource policies,
//! replication itself (a secret can be made a copy, or one that has copies), native rotation, durability.

mod clock;
mod fake;
pub mod faults;
mod http;
pub mod log;
pub mod model;
mod person;

pub use clock::Clock;
pub use fake::{Answer, Fake};
pub use http::Server;
pub use person::Person;
