//! Every promise of the skeleton has a case, or says which part it waits for; so has every line of the wire's checklist.

use conformance::checklist::Checklist;
use conformance::{coverage, interop, suite};

#[test]
fn every_promise_has_a_case_or_waits_for_its_part() {
    let areas = suite::read().unwrap();
    let gaps = coverage::gaps(&areas).unwrap();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

/// Prints the table also when all is well: `cargo test -p conformance --test coverage -- --nocapture`.
#[test]
fn every_line_of_the_wire_is_shown_or_says_why_not() {
    let areas = suite::read().unwrap();
    let proven: Vec<&str> =
        areas.iter().flat_map(|area| &area.file.cases).flat_map(|case| &case.proves).map(String::as_str).collect();
    let report = Checklist::read().unwrap().report(&interop::read().unwrap(), &proven);
    eprintln!("\n{report}\n");
    assert!(report.gaps.is_empty(), "{}", report.gaps.join("\n"));
}

#[test]
fn every_interop_row_of_the_manual_is_played() {
    let areas = interop::read().unwrap();
    let played: Vec<&str> =
        areas.iter().flat_map(|area| &area.file.cases).flat_map(|case| &case.proves).map(String::as_str).collect();
    let missing: Vec<&str> = coverage::INTEROP_ROWS
        .iter()
        .copied()
        .filter(|row| !played.contains(&format!("manual {row}").as_str()))
        .collect();
    assert!(missing.is_empty(), "rows of the manual without a case: {missing:?}");
}
