//! All findings of one load, with the sources they point into.

use std::fmt;

use super::{
    Diagnostic, Severity,
    findings::{Findings, Omitted},
    json, render,
};
use crate::source::SourceMap;

/// All findings of one load, with the sources they point into.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The findings, errors first, then in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// What their labels point into.
    pub sources: SourceMap,
    /// Findings beyond the bound of a report, which are only counted.
    omitted: Omitted,
}

impl Report {
    pub(crate) fn new(findings: Findings, sources: SourceMap) -> Self {
        let (mut diagnostics, omitted) = findings.into_parts();
        diagnostics.sort_by_key(|finding| {
            let first = finding.labels.first().map(|label| (label.span.source, label.span.start));
            (finding.severity, first)
        });
        Self { diagnostics, sources, omitted }
    }

    /// Returns whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Returns how many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error) + self.omitted.errors
    }

    /// Returns how many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning) + self.omitted.warnings
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Writes all findings for people, each with its lines of the source, and a last line that counts them. `color`
    /// adds ANSI styles. Secrets are masked.
    pub fn render(&self, color: bool) -> String {
        render::report(self, color)
    }

    /// Returns the findings for machines: `{"diagnostics": […], "errors": n, "warnings": n}`.
    pub fn to_json(&self) -> serde_json::Value {
        json::report(self)
    }

    /// Returns the counts in words: `2 errors, 1 warning`.
    pub fn summary(&self) -> String {
        let count = |number: usize, noun: &str| match number {
            1 => format!("1 {noun}"),
            _ => format!("{number} {noun}s"),
        };
        let counts = match (self.errors(), self.warnings()) {
            (0, 0) => "no findings".to_owned(),
            (errors, 0) => count(errors, "error"),
            (0, warnings) => count(warnings, "warning"),
            (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        };
        match self.omitted {
            Omitted { errors: 0, warnings: 0 } => counts,
            _ => format!("{counts}; the first {} are shown", self.diagnostics.len()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}
