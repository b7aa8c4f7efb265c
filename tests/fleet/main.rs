//! The three example servers as one system: real daemons that rotate, are killed and cut off, and bots that play by the
//! rules. What is wrong is counted, and every count is printed.
//!
//! `cargo xtask test` says how each server is started (`FLEET_…`); without that, these tests say so and pass.

#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for processes, and reads what the test command says"
)]

mod clients;
mod conformance;
mod gone;
mod inspector;
mod memory;
#[path = "../daemon/tls/pki.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod pki;
mod refusals;
mod rotating;
mod secure;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;

use crossfade_testing_fleet::{bots, front, link, process, replay, servers};
