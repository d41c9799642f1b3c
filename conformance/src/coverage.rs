//! Which promises there must be cases for, and whether there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::suite::{Area, LATER, folder};

/// Lines of spec/gateway 12 that the skeleton keeps, as ranges with both ends.
const LINES: &[(u16, u16)] = &[
    (2, 5),
    (7, 11),
    (14, 18),
    (21, 28),
    (32, 32),
    (35, 36),
    (38, 53),
    (83, 90),
    (92, 92),
    (105, 121),
    (140, 142),
    (144, 144),
    (150, 157),
    (172, 172),
    (181, 182),
];
/// Rows of spec/gateway 4.7; each has a column for RPC handlers and one for proxies.
const ROWS: std::ops::RangeInclusive<u16> = 1..=42;
/// Rows of spec/manual.
const MANUAL: &[&str] = &["8.11", "8.12", "9.1", "9.14", "11.1"];

/// Rows of spec/manual that are played beside real services.
pub const INTEROP_ROWS: &[&str] = &[
    "0.1", "0.2", "1.5", "1.6", "1.10", "1.11", "2.6", "2.7", "3.2", "3.3", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6",
    "5.1", "5.2", "6.1", "6.7", "6.9", "6.15", "8.2", "8.3", "8.4", "8.8", "8.9", "8.10", "8.14", "8.15", "11.4",
    "11.5", "15.1", "15.2", "15.3", "15.4", "15.5", "15.6", "15.7", "15.9", "18.4",
];

/// A promise whose part is not built yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// The promise, as cases name it.
    pub line: String,
    /// The part it waits for.
    pub part: String,
    /// Why it cannot be kept before.
    pub why: String,
}

/// Returns all promises that must be proven, as cases name them.
pub fn required() -> Vec<String> {
    let lines = LINES.iter().flat_map(|&(first, last)| first..=last).map(|line| format!("K{line}"));
    let rows = ROWS.flat_map(|row| [format!("row {row} api"), format!("row {row} proxy")]);
    let manual = MANUAL.iter().map(|row| format!("manual {row}"));
    lines.chain(rows).chain(manual).collect()
}

/// Reads `later.yaml`.
///
/// # Errors
/// When it cannot be read.
pub fn later() -> Result<Vec<Later>> {
    let path = folder().join(LATER);
    serde_yaml::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
}

/// Returns in words what is not covered, what is said twice, and what is named but does not exist.
///
/// # Errors
/// When a file cannot be read.
pub fn gaps(areas: &[Area]) -> Result<Vec<String>> {
    let proven: BTreeSet<&str> =
        areas.iter().flat_map(|area| &area.file.cases).flat_map(|case| &case.proves).map(String::as_str).collect();
    let later = later()?;
    let waiting: BTreeSet<&str> = later.iter().map(|later| later.line.as_str()).collect();
    let mut gaps: Vec<String> = required()
        .into_iter()
        .filter(|line| !proven.contains(line.as_str()) && !waiting.contains(line.as_str()))
        .map(|line| format!("{line} has neither a case nor an entry in {LATER}"))
        .collect();
    gaps.extend(waiting.intersection(&proven).map(|line| format!("{line} has a case and stands in {LATER}")));
    gaps.extend(
        later
            .iter()
            .filter(|later| later.part.is_empty() || later.why.is_empty())
            .map(|later| format!("{} in {LATER} does not say what it waits for, and why", later.line)),
    );
    gaps.extend(missing_tests(areas)?);
    Ok(gaps)
}

fn missing_tests(areas: &[Area]) -> Result<Vec<String>> {
    let mut source = String::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "rs") {
            source.push_str(&fs::read_to_string(path)?);
        }
    }
    let named = areas.iter().flat_map(|area| &area.file.cases).filter_map(|case| Some((&case.id, case.test.as_ref()?)));
    Ok(named
        .filter(|(_, test)| !source.contains(&format!("fn {test}(")))
        .map(|(id, test)| format!("case {id} names the test {test}, which does not exist"))
        .collect())
}
