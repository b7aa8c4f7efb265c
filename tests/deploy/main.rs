//! What `deploy/` holds for a host and for AWS, in the real programs: systemd, CloudFormation's linter, emulators.
//!
//! `cargo xtask test` gets those; what is not there is said, and passed over.

#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for processes, and reads what the test command says"
)]

mod booted;
mod cloudformation;
#[path = "../emulators/process.rs"]
mod emulator;
#[path = "../emulators/ministack.rs"]
mod ministack;
#[path = "../daemon/tls/pki.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod pki;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn shipped(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The fenced blocks of that kind in `docs/deploy.md`, in order.
fn blocks(kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    let text = shipped("docs/deploy.md");
    text.split(&fence).skip(1).filter_map(|rest| Some(rest.split("```").next()?.to_owned())).collect()
}
