//! How a command ends.

use std::process::ExitCode;

/// How a command ends (design 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done,
    /// It failed.
    Failed,
    /// It was not understood.
    Usage,
    /// `micro help NAME` with a name that is none (spec/toolkit 13.1).
    NoTopic,
    /// The configuration is invalid: `EX_CONFIG` of sysexits.
    Invalid,
    /// A program that it ran ended with this code.
    Code(u8),
}

impl Exit {
    /// Returns the code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoTopic => 3,
            Self::Invalid => 78,
            Self::Code(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
