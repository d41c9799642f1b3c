//! Which route a request takes: pure, from the request's head to a place in the document.
//!
//! A [`RouteTable`] is built once for a snapshot from the [`MatchRule`]s of a route list. [`RouteTable::find`] walks an
//! index of hosts and path segments, so its work grows with the request and not with the number of routes; only routes
//! of the same host and path, which differ in their conditions, are tried one after the other. What a route does is
//! nobody's business here: a route is the index of its rule.
//!
//! **Order** (design 12). Of all routes that match, the first in this order is taken; one whose conditions fail is
//! skipped and the next one tried:
//! 1. host: exact, then the longer `*.wildcard`, then any;
//! 2. path: more literal segments, then with a `:verb`, then without `**`, then more fixed segments, then the one
//!    whose leftmost difference is the literal;
//! 3. routes that name methods, then more header conditions, then more query conditions;
//! 4. place in the document.
//!
//! ```
//! use gateway_exchange::Head;
//! use gateway_route::{Found, MatchRule, NoTrace, PathPattern, RouteTable};
//!
//! let rule = |path: &str| Ok::<_, gateway_route::PatternError>(MatchRule::path(PathPattern::parse(path)?));
//! let table = RouteTable::build(vec![rule("/**")?, rule("/shelves/{id}")?]);
//! let head = Head::parse("GET http://example.com/shelves/9", &[])?;
//! let Found::Route { index, captures } = table.find(&head, &mut NoTrace) else { panic!("no route") };
//! assert_eq!(index, 1);
//! assert_eq!(captures.get("id", head.target()).as_deref(), Some("9"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod captures;
mod error;
mod host;
mod path;
mod pattern;
mod rule;
mod table;
mod trace;
mod value;

pub use captures::Captures;
pub use error::PatternError;
pub use host::HostPattern;
pub use pattern::PathPattern;
pub use rule::{MatchRule, Mismatch};
pub use table::{Fit, Found, RouteTable, Unreachable};
pub use trace::{NoTrace, RouteTrace};
pub use value::ValuePattern;
