//! From document to snapshot, and what a snapshot decides.
//!
//! The one crate that knows both sides: the document as it was written, and everything it is compiled to. A
//! [`Snapshot`] is immutable; it is published beside the table of clusters in one swap, so that an exchange sees one
//! configuration from its first step to its last.

mod compile;
mod decide;
mod diff;
mod explain;
mod published;
mod route;
mod snapshot;

pub use compile::{Compiled, bind_report, compile};
pub use decide::{Action, Decision, Known, NoTrace, Registered, Trace, decide};
pub use diff::{Difference, difference};
pub use explain::{Applying, Considered, Explanation, Given, Proposed, explain};
pub use published::{Cell, Generations, Published};
pub use route::{Handler, Route, RouteId};
pub use snapshot::{
    AccessLog, ClusterSource, HostEndpoint, Limits, Listener, ListenerId, Protocols, RequestId, Snapshot, Telemetry,
};
