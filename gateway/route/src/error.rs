//! Why the text of a pattern was refused, and where.

/// A pattern of the document that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong and what was expected.
    pub message: String,
    /// Where in the text, in bytes from its start.
    pub offset: usize,
}

impl PatternError {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), offset }
    }
}
