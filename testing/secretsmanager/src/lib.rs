//! A strict fake of AWS Secrets Manager, for tests: it follows what AWS documents and what others
//! have recorded on the real service, where the usual emulators depart from it.
//!
//! [`model`] is the service as a pure state machine; every rule stands there, with its source.

pub mod model;
