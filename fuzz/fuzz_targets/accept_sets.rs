#![no_main]

#[path = "../properties/accept_sets.rs"]
mod accept_sets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| accept_sets::hold(input));
