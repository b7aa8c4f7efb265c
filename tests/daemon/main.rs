//! The whole, as its users have it: the real binary, real sockets, real signals.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod authorize;
mod aws;
mod broken_config;
mod check;
mod clocks;
mod connections;
mod crash;
mod credentials;
mod dry_run;
mod every;
mod exec;
mod feed;
mod frozen;
mod givers;
mod handed_out;
mod health;
mod held;
mod introspection_clients;
mod left_behind;
mod load;
mod names;
mod not_ours;
mod orders;
mod output;
mod pty;
mod requests;
mod restored;
mod rotation;
mod setup;
mod shares;
mod signals;
mod standards;
mod stands_now;
mod stops;
mod strangers;
mod terminal;
mod tls;
mod told;
mod unmade;
mod unread;
mod values;
mod world;

use crossfade_testing_fleet::process;
