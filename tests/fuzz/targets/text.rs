//! Any text, read in every notation and evaluated: `cargo +nightly fuzz run --fuzz-dir tests/fuzz text`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzz::check(text);
    }
});
