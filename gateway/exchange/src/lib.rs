//! One request with its response, as routing, policies and handlers see them.
//!
//! This crate holds data and rules about data: the [`Head`] of a request (our own type, so that the HTTP engine below
//! can change), the [`Body`] that streams through, the [`Response`], the stable list of [`Cause`]s, and the
//! [`Exchange`] that ties them together. It does no I/O, owns no clock and knows no other crate of the gateway.
//!
//! ```
//! use gateway_exchange::Head;
//! let head = Head::parse("GET http://example.com/a//b/../c?x=1", &[])?;
//! assert_eq!(head.target().path(), "/a/c");
//! assert_eq!(head.host().name(), "example.com");
//! # Ok::<(), gateway_exchange::ProxyError>(())
//! ```

mod body;
mod cause;
mod error;
mod exchange;
mod fields;
mod head;
mod host;
mod names;
mod response;
mod target;

pub use body::{Body, BodyEnd, BodyError, BodyHook, Replay};
pub use cause::{Cause, Fault};
pub use error::ProxyError;
pub use exchange::{Deadline, Exchange, Peer, Record, Verdict};
pub use fields::{Edit, Fields};
pub use head::Head;
pub use host::Host;
pub use names::Names;
pub use response::Response;
pub use target::{Segment, Target, form_pairs};
