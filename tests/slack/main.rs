//! The Slack bot's system, whole: real bots, servers and daemon, stand-ins for the hosted parts (`testing/slack`), and a token
//! that rotates every few seconds. What is wrong is counted, and every count is printed.
//!
//! `cargo xtask test` says how each part is started (`FLEET_…`, `SLACK_…`); without that, these tests say so and pass.

#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for processes, and reads what the test command says"
)]

mod channel;
mod cloud;
mod demo;
#[path = "../emulators/process.rs"]
mod emulator;
mod judge;
mod lambda;
#[path = "../emulators/ministack.rs"]
mod ministack;
mod parts;
mod rotating;

use std::{env, path::Path};

use crossfade_testing_fleet::servers::{Kind as ServerKind, kinds};
use crossfade_testing_slack::bot::Kind as BotKind;

/// The servers and the bots that the test command has built; none where tests are run without it.
fn built() -> Option<(Vec<ServerKind>, [BotKind; 2])> {
    let set = |name| env::var_os(name);
    let servers = Some(kinds()).filter(|kinds| !kinds.is_empty());
    let bots = set("SLACK_BOT_TYPESCRIPT").zip(set("SLACK_BOT_PYTHON"));
    let (Some(servers), Some((script, python))) = (servers, bots) else {
        println!("not run: `cargo xtask test` builds the servers and the bots");
        return None;
    };
    Some((servers, [BotKind::typescript(script), BotKind::python(python)]))
}

fn daemon() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crossfade"))
}
