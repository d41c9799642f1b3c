//! Replays the corpus of the fuzz target, and feeds its body arbitrary text, so that an ordinary test run finds what a
//! fuzzer once found.

#[path = "../fuzz/body.rs"]
mod body;

use proptest::prelude::*;

#[test]
fn the_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/find");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 10, "the corpus is there");
    for file in files {
        body::find(&std::fs::read(file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_hold(data in prop::collection::vec(any::<u8>(), 0..200)) {
        body::find(&data);
    }

    #[test]
    fn lines_in_the_alphabet_of_patterns_hold(
        patterns in prop::collection::vec("(\\*\\.)?[a.]{0,3}(/([ab%2f:.é]{0,4}|\\*{1,3}|\\{[ab.=*/]{0,6}\\}(:[ab]{0,2})?)){1,4}", 0..6),
        targets in prop::collection::vec("[a.]{0,4}(/[ab%2F5c:.é]{0,4}){1,5}", 0..6),
    ) {
        body::find(format!("{}\n\n{}", patterns.join("\n"), targets.join("\n")).as_bytes());
    }
}
