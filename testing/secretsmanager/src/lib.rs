//! A strict fake of AWS Secrets Manager, for tests: it follows what AWS documents and what others
//! have recorded on the real service, where the usual emulators depart from it, and it fails on
//! order.
//!
//! - [`model`]: the service as a pure state machine; every rule stands there, with its source.
//! - [`faults`]: what goes wrong, and when.
//! - [`log`]: what was called, and what every write did to the labels.
//! - [`Fake`]: the three together behind one lock, with a [`Clock`] of its own and a [`Person`].

mod clock;
mod fake;
pub mod faults;
pub mod log;
pub mod model;
mod person;

pub use clock::Clock;
pub use fake::{Answer, Fake};
pub use person::Person;
