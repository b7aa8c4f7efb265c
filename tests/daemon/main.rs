//! The whole, as its users have it: the real binary, real sockets, real signals.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod authorize;
mod aws;
mod crash;
mod exec;
mod feed;
mod health;
mod orders;
mod requests;
mod rotation;
mod signals;
mod tls;
mod unread;
mod world;

use crossfade_testing_fleet::process;
