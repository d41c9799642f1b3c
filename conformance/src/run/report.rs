//! What came of the cases.

use std::collections::BTreeSet;
use std::fmt;

use crate::case::Case;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many cases hold.
    pub passed: usize,
    /// How many requests were also explained, and agreed.
    pub explained: usize,
    /// Cases that were not run, and why.
    pub skipped: Vec<(String, String)>,
    /// Cases that do not hold.
    pub failures: Vec<Failure>,
}

/// A case that does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case's id.
    pub id: String,
    /// What it proves.
    pub proves: String,
    /// The set-up.
    pub setup: String,
    /// The request as sent.
    pub request: String,
    /// What was expected.
    pub expected: String,
    /// What differs.
    pub differences: Vec<String>,
    /// What came.
    pub got: String,
}

impl Failure {
    /// Makes the report of a case that could not even be run.
    pub(super) fn of_case(case: &Case, setup: &str, error: &anyhow::Error) -> Self {
        Self {
            id: case.id.clone(),
            proves: case.proves.join(", "),
            setup: setup.to_owned(),
            request: String::new(),
            expected: String::new(),
            differences: vec![format!("{error:#}")],
            got: String::new(),
        }
    }
}

impl Summary {
    /// Adds another's counts and failures to these.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.explained += other.explained;
        self.skipped.extend(other.skipped);
        self.failures.extend(other.failures);
    }

    /// Returns how many cases do not hold; one may fail in several requests.
    pub fn failed(&self) -> usize {
        self.failures.iter().map(|failure| failure.id.as_str()).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn sort(&mut self) {
        self.skipped.sort();
        self.failures.sort_by(|a, b| a.id.cmp(&b.id));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {} (proves {}; set-up {})", self.id, self.proves, self.setup)?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        for (name, text) in [("request", &self.request), ("expected", &self.expected), ("got", &self.got)] {
            if !text.is_empty() {
                writeln!(f, "  {name}:")?;
                text.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        let reasons = self.skipped.iter().map(|(_, reason)| reason.as_str()).collect::<BTreeSet<_>>();
        for reason in reasons {
            let ids: Vec<_> =
                self.skipped.iter().filter(|(_, other)| other == reason).map(|(id, _)| id.as_str()).collect();
            writeln!(f, "skipped {}: {reason}: {}", ids.len(), ids.join(", "))?;
        }
        write!(
            f,
            "{} cases hold, {} do not, {} skipped; {} requests explained as they were decided",
            self.passed,
            self.failed(),
            self.skipped.len(),
            self.explained
        )
    }
}
