//! Publish and subscribe, as go-micro services know it; one module a back end.
//!
//! [`Broker`] is the trait of all kinds. [`Memory`] is the embedded one: everything in this process, a bounded queue for
//! each subscriber, and an answer for each publication. [`connect`](connect()) makes a broker of what a document or a
//! command line says.
//!
//! A message ([`Message`]) is a header and a body. It goes once to each subscriber without a queue, and once to each
//! queue, whoever takes it there. What happens when a queue is full is said in one place: [`PublishError::Full`]. A
//! publication that returned `Ok` was taken by every subscriber, as far as the kind can know; each says in its module
//! what that is.
//!
//! ```
//! use mesh_broker::{Broker, Memory, Message};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let broker = Memory::new();
//! let mut subscription = broker.subscribe("events", None).await.unwrap();
//! broker.publish("events", Message::new("hello").with("Content-Type", "text/plain")).await.unwrap();
//! assert_eq!(subscription.next().await.unwrap().message.body, "hello");
//! # });
//! ```

mod broker;
mod connect;
pub mod envelope;
pub mod http;
mod memory;
mod message;
#[cfg(feature = "nats")]
pub mod nats;
mod queue;
pub mod remote;
pub mod server;

pub use broker::{
    AcknowledgeError, Acknowledgement, Broker, Delivery, Origin, PublishError, SubscribeError, Subscription,
    Unavailable,
};
pub use connect::{ConnectError, Kind, Options, check, connect};
pub use http::Http;
pub use memory::Memory;
pub use message::{
    BODY_BYTES_MAX, CONTENT_TYPE, HEADER_BYTES_MAX, HEADER_ENTRIES_MAX, Header, InvalidMessage, MESSAGE_ID, Message,
    NAME_BYTES_MAX, TOPIC,
};
#[cfg(feature = "nats")]
pub use nats::Nats;
pub use remote::Remote;
pub use server::shown_body;
