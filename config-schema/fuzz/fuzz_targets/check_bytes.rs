//! Any bytes as a document: `cargo +nightly fuzz run check_bytes` in `config-schema`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    config_schema::check_bytes(bytes);
});
