//! A member of the mesh: it calls services by their name, and is a service itself.
//!
//! [`Client`] asks a registry who offers a service, chooses a node, speaks the node's protocol to it and tries once
//! more where go-micro does. It works on one runtime with one bounded pool of connections; the gateway's data path has
//! its own ways and does not use it.
//!
//! [`Node`] is the other half: a running command as others see it, with an RPC server that answers `Debug` and with its
//! registrations, which are renewed, made anew where a registry lost them and taken back before the end.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use mesh::{Client, Options, Request};
//! use mesh_registry::Memory;
//!
//! let client = Client::new(Arc::new(Memory::new()), Options::default());
//! let answer = client.call(&Request::new("go.micro.srv.greeter", "Say.Hello"), br#"{"name":"John"}"#).await?;
//! println!("{}", String::from_utf8_lossy(&answer));
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod identity;
mod node;
mod pool;
mod protocol;
mod retry;
mod selector;
mod stream;
mod via;

pub use client::{Client, Options, Request};
pub use error::{CallError, StreamError};
pub use identity::Identity;
pub use node::{Membership, Node, Registries, bind};
pub use protocol::Protocol;
pub use selector::{Filter, Selector, Strategy};
pub use stream::Stream;
pub use via::Via;
