//! Any bytes as a file of the cloud's: `cargo +nightly fuzz run --fuzz-dir tests/fuzz definitions`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::check_definition(bytes));
