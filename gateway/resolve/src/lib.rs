//! Which service and method a request asks for: pure, one module a rule.
//!
//! A resolver turns the path of a request into an ordered list of [`Candidates`]; the first one that is registered is
//! taken (design 4). Whether a name is registered is nobody's business here.
//!
//! ```
//! use gateway_exchange::Head;
//! use gateway_resolve::{Namespace, Naming, resolve_api};
//!
//! let head = Head::parse("POST http://localhost:8080/greeter/say/hello", &[])?;
//! let namespace = Namespace::new(&Naming::default());
//! let candidates = resolve_api(&namespace, head.target());
//! assert_eq!((candidates[0].service(), candidates[0].method()), ("go.micro.api.greeter", "Say.Hello"));
//! # Ok::<(), gateway_exchange::ProxyError>(())
//! ```

mod camel;
mod candidate;
mod event;
mod internal;
mod micro;
mod namespace;

pub use candidate::{Candidate, Candidates};
pub use event::{EventName, resolve_event};
pub use internal::is_internal;
pub use micro::{resolve_api, resolve_proxy};
pub use namespace::{DEFAULT_NAMESPACE, DEFAULT_TYPE, Namespace, Naming};
