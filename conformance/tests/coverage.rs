//! Every promise of the skeleton has a case, or says which part it waits for.

use conformance::{coverage, suite};

#[test]
fn every_promise_has_a_case_or_waits_for_its_part() {
    let areas = suite::read().unwrap();
    let gaps = coverage::gaps(&areas).unwrap();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}
