//! What users were promised, proven from outside.
//!
//! A promise is a *case*: data in `cases/` that says how the program is started, what is asked of it, and what must come
//! back, with the line of the specification it proves. The harness starts the real program as a process of its own, on
//! free ports, with real sockets on both sides: clients and nodes are small programs of ours ([`client`], [`node`]), and
//! where it matters the real go-micro service ([`peer`]). Behaviour that no single request shows, such as a reload under
//! load, is a test in `tests/` that uses the same pieces.
//!
//! Nothing here is a part of the product, and the product knows nothing of it. `README.md` says how to add a case.
//!
//! ```
//! let areas = conformance::suite::read().unwrap();
//! assert!(conformance::coverage::gaps(&areas).unwrap().is_empty());
//! ```

pub mod case;
pub mod checklist;
pub mod client;
pub mod control;
pub mod coverage;
pub mod decided;
pub mod expect;
pub mod interop;
pub mod namespace;
pub mod node;
pub mod peer;
pub mod process;
pub mod run;
pub mod soak;
pub mod steady;
pub mod suite;
pub mod wait;
