//! A fleet, for tests and for `cargo xtask chaos`: daemons and example servers as processes, links between them that can
//! fail, and what a bot does that plays by the rules.
//!
//! Not there: what is right and what is wrong. Each test says so itself.

#![expect(
    clippy::disallowed_methods,
    reason = "it waits for processes, and reads what the test command says"
)]

use std::{
    iter,
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

pub mod bots;
pub mod front;
pub mod link;
pub mod process;
pub mod replay;
pub mod servers;

/// Who the token is for.
pub const AUDIENCE: &str = "https://mcp.example.com/slack";
/// The credential of a verifier, made for these tests, and its hash.
pub const VERIFIER: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";
pub const VERIFIER_SHA256: &str = "db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76";
/// The credential of a bot, made for these tests, and its hash.
pub const BOT: &str = "cfc_for-the-tour-only-never-use-it-as-a-bot----2hdIHn";
pub const BOT_SHA256: &str = "972208d1a0477a34ebf8085453ca4c2df4d7507945e36534caf6c810552010fd";

/// How long something that has to come is waited for; long, for a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a condition, not for a time.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if let Some(found) = condition() {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
        waited += Duration::from_millis(50);
    }
    panic!("never came: {what}");
}

/// One that nobody listens on at the moment. Not one of those that the system gives to outgoing connections, since such a
/// one may be taken before it is listened on; and none twice in a process, since programs that share a port on purpose
/// (SO_REUSEPORT) would answer each other's callers.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Each process begins somewhere else.
    let begin = std::process::id().wrapping_mul(64);
    let ports = || begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % 12_000 + 20_000;
    let mut ports = iter::repeat_with(ports).filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
