//! What is done to requests and responses beside routing and handling: one module a policy.
//!
//! A policy is a plain type compiled from its part of the document, `Eq + Hash`, without live state. [`Policies`] holds
//! at most one of each and runs them in one fixed order ([`REQUEST_ORDER`], [`RESPONSE_ORDER`]); there are no priority
//! numbers. Those of listener, route and service are merged once, when a snapshot is compiled.
//!
//! ```
//! use std::time::Duration;
//! use gateway_exchange::{Body, Exchange, Head, Verdict};
//! use policies::{Policies, Timeout};
//!
//! let listener = Policies { timeout: Timeout::new(Duration::from_secs(30)), ..Policies::default() };
//! let route = Policies { timeout: Timeout::new(Duration::from_secs(5)), ..Policies::default() };
//! let policies = Policies::merge([&listener, &route]);
//!
//! let head = Head::parse("GET http://example.com/", &[])?;
//! let mut exchange = Exchange::new(head, Body::empty(), ([127, 0, 0, 1], 9).into(), std::time::Instant::now());
//! assert!(matches!(policies.on_request(&mut exchange)?, Verdict::Continue));
//! assert_eq!(exchange.deadline.map(|deadline| deadline.total()), Some(Duration::from_secs(5)));
//! # Ok::<(), gateway_exchange::ProxyError>(())
//! ```

mod cors;
mod document;
mod headers;
mod limits;
mod order;
mod retry;
mod set;
mod timeout;

pub use cors::{Cors, Origins};
pub use document::PolicyError;
pub use headers::{Edits, Headers, Reserved};
pub use limits::Limits;
pub use order::{Merging, PolicyKind, REQUEST_ORDER, RESPONSE_ORDER};
pub use retry::{Failure, Retry, Tries};
pub use set::Policies;
pub use timeout::Timeout;
