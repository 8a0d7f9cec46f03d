//! Calls that the grammar allows, chosen by the bytes: `cargo +nightly fuzz run --fuzz-dir tests/fuzz calls`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::check(&fuzz::generate(bytes)));
