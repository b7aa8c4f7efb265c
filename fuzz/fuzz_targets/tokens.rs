#![no_main]

#[path = "../properties/tokens.rs"]
mod tokens;

libfuzzer_sys::fuzz_target!(|input: &[u8]| tokens::hold(input));
