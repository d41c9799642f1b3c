//! Whatever the bytes: no panic, and work that is bounded by what was given (counted, not timed).

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{fmt::Write, fs, path::Path};

use config_schema::{ALIAS_NODES_MAX, Layers, check_bytes, load};
use proptest::prelude::*;

/// Replays one input and holds its work against what it may cost.
fn replay(bytes: &[u8]) {
    let work = check_bytes(bytes);
    // A flow collection gives two events for two bytes, a key without value two for one.
    assert!(work.events <= 4 * bytes.len() + 16, "{work:?} for {} bytes", bytes.len());
    assert!(work.nodes <= work.events + ALIAS_NODES_MAX, "{work:?}");
}

fn files(directory: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_corpus_and_all_samples_replay() {
    let least = [("fuzz/corpus/check_bytes", 6), ("tests/invalid", 100), ("tests/warned", 4), ("tests/valid", 6)];
    for (directory, least) in least {
        let files = files(directory);
        assert!(files.len() >= least, "{directory} has {} files", files.len());
        for bytes in files {
            replay(&bytes);
        }
    }
}

#[test]
fn bombs_replay() {
    let mut laughs = String::from("version: micro/v1\nx0: &x0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..50 {
        let aliases = vec![format!("*x{}", level - 1); 9].join(", ");
        writeln!(laughs, "x{level}: &x{level} [{aliases}]").unwrap();
    }
    replay(laughs.as_bytes());
    replay(format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 5000].join(", ")).as_bytes());
    replay("[".repeat(100_000).as_bytes());
    replay("{a: ".repeat(100_000).as_bytes());
    replay(format!("{{a: x{}", "{b".repeat(2_000_000)).as_bytes());
    replay("- ".repeat(100_000).as_bytes());
    replay("? ".repeat(100_000).as_bytes());
    let staircase: Vec<String> = (0..1_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    replay(staircase.concat().as_bytes());
    replay(format!("version: {}", "x".repeat(80 << 20)).as_bytes());
    replay(&vec![0; 1 << 20]);
    replay("\u{feff}".repeat(1000).as_bytes());
    replay("&a ".repeat(10_000).as_bytes());
    replay("!!str ".repeat(10_000).as_bytes());
    replay("%TAG ! x\n".repeat(1000).as_bytes());
}

/// A report is bounded, however much is wrong.
#[test]
fn many_findings_are_counted_and_not_all_shown() {
    let routes = "    - { mach: { path: /x }, match: {}, handlr: x }\n".repeat(5_000);
    let report = load(&Layers::text("t.yaml", format!("version: micro/v1\nroutes:\n  t:\n{routes}"))).unwrap_err();
    assert_eq!(report.diagnostics.len(), 1_000);
    assert!(report.errors() > 10_000, "{}", report.summary());
    assert!(report.summary().ends_with("the first 1000 are shown"), "{}", report.summary());
    let keys = (0..20_000).map(|n| format!("    unknown{n}: 1\n")).collect::<Vec<_>>().concat();
    let report = load(&Layers::text("t.yaml", format!("version: micro/v1\nlisteners:\n  edge:\n{keys}"))).unwrap_err();
    assert!(report.errors() < 500, "{}", report.summary());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        replay(&bytes);
    }

    #[test]
    fn any_text_of_yaml_letters(text in "([a-c:{}\\[\\]&*,!|>'\"%@`$?# \\n\t~é\u{200b}０-]|\\$\\{|- |: |<<: ){0,80}") {
        replay(text.as_bytes());
    }

    /// A valid document in which some bytes were changed: near enough to reach the checks.
    #[test]
    fn a_document_with_slips(at in any::<prop::sample::Index>(), length in 0usize..8, by in "[a-z:{}\\[\\]\", \\n0-9/*$.-]{0,6}") {
        let bytes = include_bytes!("valid/every-key.yaml");
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        let changed = [&bytes[..start], by.as_bytes(), &bytes[end..]].concat();
        replay(&changed);
    }
}
