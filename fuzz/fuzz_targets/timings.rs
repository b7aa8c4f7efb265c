#![no_main]

#[path = "../properties/timings.rs"]
mod timings;

libfuzzer_sys::fuzz_target!(|input: &[u8]| timings::hold(input));
