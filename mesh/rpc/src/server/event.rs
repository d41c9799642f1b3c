//! Events: messages with a topic that a MUCP client delivers to a service directly.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{RpcError, SERVER_ID};
use crate::metadata::Metadata;
use crate::mucp::frame::encode_response;
use crate::mucp::message::{Headers, Message};

/// A message that was published and reached a service by way of MUCP.
#[derive(Debug, Clone)]
pub struct Event {
    /// The topic.
    pub topic: String,
    /// The `Content-Type`, `application/protobuf` where the sender named none.
    pub content_type: String,
    /// All headers of the message.
    pub metadata: Metadata,
    /// The encoded message, without an envelope.
    pub body: Bytes,
}

/// What becomes of events.
#[async_trait]
pub trait Subscriber: fmt::Debug + Send + Sync + 'static {
    /// Takes an event. The sender waits for it.
    ///
    /// # Errors
    /// What goes back to the sender; it may then publish the event again.
    async fn receive(&self, event: Event) -> Result<(), RpcError>;
}

/// Delivers an event and returns the answer: an empty message, with an error where there was one. A server without a
/// subscriber answers that all is well, as Go's do for topics that nobody wants.
pub(super) async fn answer(subscriber: Option<Arc<dyn Subscriber>>, message: Message) -> Bytes {
    let mut headers = Headers::new();
    for name in ["Content-Type", "Micro-Id", "Micro-Topic"] {
        headers.set(name, message.headers.get(name));
    }
    if let Some(subscriber) = subscriber
        && let Err(error) = subscriber.receive(event(message)).await
    {
        let detail = format!("subscriber error: {error}");
        headers.set("Micro-Error", RpcError::internal(SERVER_ID, detail).to_json());
    }
    encode_response(&Message { headers, body: Bytes::new() })
}

fn event(message: Message) -> Event {
    let mut metadata = Metadata::new();
    for (name, value) in message.headers.iter() {
        metadata.set(name, value);
    }
    let content_type = match message.headers.get("Content-Type") {
        "" => "application/protobuf",
        named => named,
    };
    Event {
        topic: message.headers.get("Micro-Topic").to_owned(),
        content_type: content_type.to_owned(),
        metadata,
        body: message.body,
    }
}
