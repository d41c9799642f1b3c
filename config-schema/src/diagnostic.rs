//! A finding as plain data: what is wrong, where, and what to do. Rendering is at the edge.

mod code;
mod findings;
mod json;
mod render;
mod report;

use crate::{path::DocumentPath, source::Span};

pub use code::Code;
pub(crate) use findings::Findings;
pub use report::Report;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document does not load.
    Error,
    /// The document loads; somebody should look.
    Warning,
}

impl Severity {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of finding; stable.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one line: lower case, no full stop.
    pub message: String,
    /// The value it is about, where there is one.
    pub path: Option<DocumentPath>,
    /// Places in the sources; the first is the one the finding is about. None where no text exists (a missing file).
    pub labels: Vec<Label>,
    /// What to do, one sentence each.
    pub help: Vec<String>,
    /// A change of the text that mends it.
    pub fix: Option<Fix>,
}

/// A place with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

/// A change of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub replacement: String,
    /// The sentence above the changed line; without one the label says it already, and only machines read the fix.
    pub title: Option<String>,
}

impl Diagnostic {
    /// Makes an error without place.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            path: None,
            labels: Vec::new(),
            help: code.help().map(str::to_owned).into_iter().collect(),
            fix: None,
        }
    }

    /// Makes a warning without place.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Says which value it is about.
    #[must_use]
    pub fn path(mut self, path: DocumentPath) -> Self {
        self.path = Some(path);
        self
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do. Replaces the general help of the code.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let general = self.code.help();
        self.help.retain(|line| Some(line.as_str()) != general);
        self.help.push(help.into());
        self
    }

    /// Adds a change that mends it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
