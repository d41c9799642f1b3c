//! Collects findings, within bounds: a broken file of 32 MiB must not become a report of gigabytes.

use super::{Diagnostic, Severity};

/// How many findings one report holds; further ones are only counted.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// Findings on their way into a [`super::Report`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    kept: Vec<Diagnostic>,
    omitted: Omitted,
}

/// How many findings were only counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Omitted {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Findings {
    /// Returns whether further findings are only counted, so that their words are not needed.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= FINDINGS_MAX
    }

    /// Counts an error without words.
    pub(crate) fn count_error(&mut self) {
        self.omitted.errors += 1;
    }

    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if !self.is_full() {
            self.kept.push(finding);
            return;
        }
        match finding.severity {
            Severity::Error => self.omitted.errors += 1,
            Severity::Warning => self.omitted.warnings += 1,
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.omitted.errors += other.omitted.errors;
        self.omitted.warnings += other.omitted.warnings;
        self.extend(other.kept);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.omitted.errors > 0 || self.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub(crate) fn into_parts(self) -> (Vec<Diagnostic>, Omitted) {
        (self.kept, self.omitted)
    }
}

impl Extend<Diagnostic> for Findings {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, findings: I) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}
