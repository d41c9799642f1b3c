//! What answers: one module a handler, and the one place where an error becomes a response.
//!
//! A handler comes compiled from the document, is handed an [`Exchange`](gateway_exchange::Exchange) and what was
//! decided about it, and returns a response or the error that ends the exchange. It never chooses a route and never
//! applies a policy.

mod error_response;
mod event;
mod forward;
mod hop;
mod proxy;
mod publish;
mod redirect;
mod respond;
mod rpc;
mod rpc_endpoint;

pub use error_response::error_response;
pub use event::Event;
pub use proxy::{HostSent, Proxy, ProxyForwarding, UpgradeAllowed};
pub use publish::{Publication, Publisher, Refusal};
pub use redirect::{Piece, Redirect};
pub use respond::Respond;
pub use rpc::{Rpc, RpcTarget};
pub use rpc_endpoint::{Addresses, RpcEndpoint};
