//! `cargo +nightly fuzz run find`, here with libFuzzer; the ordinary tests replay the corpus through the same body.

#![no_main]

#[path = "../body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::find(data));
