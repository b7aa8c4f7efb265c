#![no_main]

#[path = "../properties/daemon/mod.rs"]
#[expect(dead_code, reason = "this target is one of several")]
mod daemon;

libfuzzer_sys::fuzz_target!(|input: &[u8]| daemon::introspections::hold(input));
