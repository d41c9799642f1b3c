//! What `explain` and the tests see of a search; traffic pays nothing for it.

use crate::Mismatch;

/// Is told the steps of a search. Every method does nothing by default.
pub trait RouteTrace {
    /// One node of the index was looked at.
    fn visited(&mut self) {}

    /// The conditions of a route whose host and path match were checked.
    fn considered(&mut self, _route: usize, _outcome: Result<(), &Mismatch>) {}
}

/// The trace of live traffic: nothing, compiled away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl RouteTrace for NoTrace {}
