//! The three example servers as one system: real daemons that rotate, are killed and cut off, and bots that play by the
//! rules. What is wrong is counted, and every count is printed.
//!
//! `cargo xtask test` says how each server is started (`FLEET_…`); without that, these tests say so and pass.

#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for processes, and reads what the test command says"
)]

mod bots;
mod clients;
mod gone;
mod link;
mod memory;
#[path = "../daemon/tls/pki.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod pki;
#[path = "../daemon/process.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod process;
mod replay;
mod rotating;
mod secure;
mod servers;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;
