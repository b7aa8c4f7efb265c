//! ministack, an emulator that deploys templates and runs Lambdas, and checks signatures and rights on request.

use std::{fs, path::Path};

use crate::emulator::Emulator;

/// One that checks both, and keeps what it writes in that folder. None where the test command names no emulator.
pub(crate) fn start(folder: &Path) -> Option<Emulator> {
    fs::create_dir_all(folder).expect("a folder");
    Emulator::start("MINISTACK", |ministack, port| {
        ministack.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port).env("AUTH", "true");
        // What it would serve on ports of its own choice.
        ministack.env("SFTP_ENABLED", "0").env("IOT_MTLS_ENABLED", "0");
        ministack.env("STATE_DIR", folder).env("TMPDIR", folder);
    })
}
