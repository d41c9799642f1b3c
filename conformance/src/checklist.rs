//! The checklist of the wire: what shows that each line holds, or why nothing does.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::interop::Area;

/// How many lines there are.
pub const LINES: u16 = 135;

/// The lines by section, as `wire.yaml` has them.
#[derive(Debug, Deserialize)]
pub struct Checklist(IndexMap<String, BTreeMap<u16, Line>>);

/// A line of the checklist.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it asks for.
    pub says: String,
    /// Where we differ on purpose, and how.
    pub fix: Option<String>,
    /// Tests of the crates that show it, as `FILE FUNCTION`.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Why it does not apply.
    pub not_applicable: Option<String>,
    /// Why nothing shows it yet.
    pub not_yet: Option<String>,
}

/// What a section comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: usize,
    not_applicable: usize,
    not_yet: usize,
}

/// What the whole comes to: a table to read, and what is wrong with the list.
#[derive(Debug)]
pub struct Report {
    sections: Vec<(String, Sum)>,
    open: Vec<String>,
    /// Lines with nothing to show, several answers, or tests that do not exist, in words.
    pub gaps: Vec<String>,
}

impl Checklist {
    /// Reads `wire.yaml`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire.yaml");
        serde_yaml::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
    }

    /// Sums up what is shown by tests of the crates, and by cases.
    pub fn report(&self, areas: &[Area], proven: &[&str]) -> Report {
        let mut gaps = Vec::new();
        let mut open = Vec::new();
        let sections = self.0.iter().map(|(name, lines)| {
            let mut sum = Sum::default();
            for (number, line) in lines {
                let has_case = has_case(&format!("wire {number}"), areas, proven);
                gaps.extend(
                    line.tests.iter().filter(|test| !exists(test)).map(|test| format!("{number}: no test {test}")),
                );
                match (has_case || !line.tests.is_empty(), &line.not_applicable, &line.not_yet) {
                    (true, None, None) => sum.passed += 1,
                    (false, Some(_), None) => sum.not_applicable += 1,
                    (false, None, Some(why)) => {
                        sum.not_yet += 1;
                        open.push(format!("{number} {} — {why}", line.says));
                    }
                    (false, None, None) => {
                        gaps.push(format!("{number}: neither a test nor a case nor a reason: {}", line.says));
                    }
                    _ => gaps.push(format!("{number}: one answer, please: {line:?}")),
                }
            }
            (name.clone(), sum)
        });
        let sections = sections.collect();
        let numbers: Vec<u16> = self.0.values().flat_map(|lines| lines.keys().copied()).collect();
        if numbers != (1..=LINES).collect::<Vec<u16>>() {
            gaps.push(format!("not the lines 1 to {LINES} in their order"));
        }
        Report { sections, open, gaps }
    }
}

/// Returns whether a case that is not known to fail proves a line.
fn has_case(line: &str, areas: &[Area], proven: &[&str]) -> bool {
    let mut played = areas.iter().flat_map(|area| &area.file.cases).filter(|case| case.red.is_none());
    played.any(|case| case.proves.iter().any(|proof| proof == line)) || proven.contains(&line)
}

fn exists(test: &str) -> bool {
    let Some((file, function)) = test.split_once(' ') else { return false };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {function}(")))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = Sum::default();
        writeln!(f, "{:<36}{:>8}{:>16}{:>9}", "wire, by section", "passed", "not applicable", "not yet")?;
        for (name, sum) in &self.sections {
            writeln!(f, "{name:<36}{:>8}{:>16}{:>9}", sum.passed, sum.not_applicable, sum.not_yet)?;
            total.passed += sum.passed;
            total.not_applicable += sum.not_applicable;
            total.not_yet += sum.not_yet;
        }
        writeln!(f, "{:<36}{:>8}{:>16}{:>9}", "all", total.passed, total.not_applicable, total.not_yet)?;
        self.open.iter().try_for_each(|line| write!(f, "\nnot yet: {line}"))
    }
}
