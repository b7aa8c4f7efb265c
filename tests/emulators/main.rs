//! The ordinary part of the store contract, on emulators of Secrets Manager that others have written: independent
//! witnesses that our strict fake was not made to fit our own code. Each is wrong in another place, so that only what
//! they do as AWS does is asked of them.
//!
//! `cargo xtask test` gets them; on their own: `MOTO_SERVER=… ROTO_SERVER=… cargo test --test emulators`.

#![expect(unreachable_pub, reason = "the modules of a test have nobody outside")]
#![expect(clippy::disallowed_methods, reason = "the emulators' places are told by the test command")]

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use crossfade::clock::SystemClock;

#[path = "../contract/mod.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with stores that all sentences hold on")]
mod contract;
mod process;

use contract::aws::OnAws;
use process::Emulator;

/// Not here: sentences about ids that were used before (a used ClientRequestToken overwrites the version, where AWS
/// answers ResourceExistsException), and `strict_sentences!` (it goes by the machine's time, and its CreatedDate has
/// whole seconds).
mod moto {
    use super::*;
    contract::ordinary_sentences!(on_moto);
    contract::label_sentences!(on_moto);
}

/// Not here: `strict_sentences!` (it goes by the machine's time, and its CreatedDate has whole seconds).
mod roto {
    use super::*;
    contract::ordinary_sentences!(on_roto);
    contract::label_sentences!(on_roto);
    contract::used_id_sentences!(on_roto);
}

async fn on_moto() -> Option<OnAws> {
    static MOTO: OnceLock<Option<Emulator>> = OnceLock::new();
    let start = || {
        Emulator::start("MOTO_SERVER", |moto, port| {
            moto.args(["-H", "127.0.0.1", "-p", port]);
        })
    };
    subject(MOTO.get_or_init(start).as_ref())
}

async fn on_roto() -> Option<OnAws> {
    static ROTO: OnceLock<Option<Emulator>> = OnceLock::new();
    let start = || {
        Emulator::start("ROTO_SERVER", |roto, port| {
            roto.args(["--port", port, "--ephemeral"]);
        })
    };
    subject(ROTO.get_or_init(start).as_ref())
}

/// Each sentence has secrets of its own.
fn subject(emulator: Option<&Emulator>) -> Option<OnAws> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("{}/", NUMBER.fetch_add(1, Ordering::Relaxed));
    emulator.map(|emulator| OnAws::new(emulator.endpoint(), &prefix, Arc::new(SystemClock)))
}
