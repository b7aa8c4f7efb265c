#![no_main]

#[path = "../properties/daemon/mod.rs"]
mod daemon;

libfuzzer_sys::fuzz_target!(|input: &[u8]| daemon::introspections::hold(input));
