//! The whole, as its users have it: the real binary, real sockets, real signals.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod authorize;
mod aws;
mod crash;
mod credentials;
mod exec;
mod feed;
mod givers;
mod health;
mod names;
mod orders;
mod requests;
mod rotation;
mod setup;
mod signals;
mod tls;
mod world;

use crossfade_testing_fleet::process;
