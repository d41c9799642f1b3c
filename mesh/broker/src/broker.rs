//! The trait of all kinds, and what it gives and takes.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::message::{InvalidMessage, Message};

/// A place where messages are published and subscribed to.
///
/// Dropping a future gives the operation up; whether it took place is then not known. Dropping the broker ends its
/// subscriptions; [`Broker::close`] does it in order.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Returns the name of the kind, as nodes carry it in their label `broker`.
    fn origin(&self) -> Origin;

    /// Publishes a message: once to each subscriber of the topic without a queue, and once to each of its queues.
    ///
    /// A topic without subscribers is no error. On an error some subscribers may have the message all the same, unless
    /// the kind says otherwise.
    async fn publish(&self, topic: &str, message: Message) -> Result<(), PublishError>;

    /// Subscribes to a topic. Subscribers with the same queue share its messages; without one each gets all of them.
    ///
    /// What is published after this returned is delivered.
    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError>;

    /// Ends all subscriptions and takes back what was registered for them. Publications are refused from then on, where
    /// the kind has something to close.
    async fn close(&self) {}
}

/// The name of a kind: `http`, `memory`, `nats`, `service`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Cow<'static, str>);

impl Origin {
    /// The embedded broker.
    pub const MEMORY: Origin = Origin(Cow::Borrowed("memory"));

    /// go-micro's broker without a middle: members that are found in the registry.
    pub const HTTP: Origin = Origin(Cow::Borrowed("http"));

    /// NATS.
    pub const NATS: Origin = Origin(Cow::Borrowed("nats"));

    /// The broker of another micro.
    pub const SERVICE: Origin = Origin(Cow::Borrowed("service"));

    /// Returns the origin of that name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Origin {
        Origin(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One message as a subscriber gets it.
#[derive(Debug)]
pub struct Delivery {
    /// The topic it was published to; another than subscribed to where the kind knows wildcards.
    pub topic: Arc<str>,
    /// The message.
    pub message: Message,
    /// How to say that it is done with, where the kind wants to know.
    pub acknowledgement: Option<Acknowledgement>,
}

impl Delivery {
    /// Returns a delivery that nobody waits for.
    pub fn new(topic: impl Into<Arc<str>>, message: Message) -> Delivery {
        Delivery { topic: topic.into(), message, acknowledgement: None }
    }

    /// Says that the message is done with; the broker then does not deliver it again. Nothing to do for kinds without
    /// acknowledgements.
    ///
    /// # Errors
    /// When the broker could not be told; it delivers the message again.
    pub async fn acknowledge(&mut self) -> Result<(), AcknowledgeError> {
        match self.acknowledgement.take() {
            Some(acknowledgement) => acknowledgement.0().await,
            None => Ok(()),
        }
    }
}

/// The way to say that a message is done with. Dropping it says nothing: the message comes again.
pub struct Acknowledgement(Acknowledge);

type Acknowledge = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), AcknowledgeError>> + Send + Sync>;

impl Acknowledgement {
    /// Returns one that does this.
    pub fn new(
        acknowledge: impl FnOnce() -> BoxFuture<'static, Result<(), AcknowledgeError>> + Send + Sync + 'static,
    ) -> Acknowledgement {
        Acknowledgement(Box::new(acknowledge))
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Acknowledgement")
    }
}

/// The deliveries of one subscription, in the order in which they came. Dropping it ends the subscription.
///
/// It ends by itself when the broker is closed or gone, and when the embedded broker gave a slow subscriber up; a kind
/// that loses its server goes on once it has it again.
pub struct Subscription(BoxStream<'static, Delivery>);

impl Subscription {
    /// Makes a subscription of a stream.
    pub fn new(deliveries: impl Stream<Item = Delivery> + Send + 'static) -> Subscription {
        Subscription(deliveries.boxed())
    }

    /// Waits for the next delivery; `None` when the subscription has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.0.next().await
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Subscription")
    }
}

impl Stream for Subscription {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.0.poll_next_unpin(context)
    }
}

/// The broker could not be reached, or did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("broker {origin} is not available: {reason}")]
pub struct Unavailable {
    /// Which kind.
    pub origin: Origin,
    /// What it was about: the address, the deadline.
    pub reason: String,
    /// What went wrong beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Unavailable {
    /// Returns one without a cause beneath.
    pub fn new(origin: Origin, reason: impl Into<String>) -> Unavailable {
        Unavailable { origin, reason: reason.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Unavailable {
        self.source = Some(source.into());
        self
    }
}

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The topic or the message breaks a limit: trying again does not help.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// A queue on the way is full: try again later. To a caller over HTTP this is 503, never 200.
    #[error("topic {topic:?} is full: {reason}")]
    Full {
        /// The topic.
        topic: String,
        /// Which queue.
        reason: String,
    },
    /// Nobody in the whole registry subscribes to anything (`http` alone). The text is that of go-micro, which programs
    /// and people know; who publishes events may take it as no error.
    #[error("service not found")]
    NoMembers,
    /// The broker does not answer, or none of those who should have got the message.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a subscription did not begin.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The topic or the queue breaks a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// There are as many subscribers as the broker takes.
    #[error("the broker is full: it has {max} subscribers")]
    Full {
        /// The limit.
        max: usize,
    },
    /// The broker does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a message was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// The broker does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
