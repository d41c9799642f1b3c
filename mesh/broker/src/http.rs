//! go-micro's broker without a middle, its default: each subscriber listens on HTTP, is found in the registry under the
//! name `micro.http.broker`, and messages are posted to it.
//!
//! **Publishing** waits for the answers. Of a queue one member gets the message, another one where that does not take it;
//! without a queue all members get it. `Ok` says that each queue has it and, of the members without one, all that
//! answered. A member that answers 503 is full: it is tried again until the deadline, then the publication is
//! [`PublishError::Full`]. A member that cannot be reached is one line in the log; where none of a queue, or none of
//! those without one, can be, the publication is [`PublishError::Unavailable`]. A member that does not answer in time is
//! left out for ten seconds, so that it does not delay every message. Any answer of a Go member means that it has the
//! message, as Go answers after its handlers ran. As much as [`Limits::under_way_bytes`] is under way at once; what
//! is more is [`PublishError::Full`].
//!
//! **Subscribing** opens one listener for all subscriptions, on loopback unless told otherwise, as Go does. What is
//! posted waits in the subscription's queue, and the answer 200 says that it is there; while the queue is full the
//! answer waits too, at most two seconds, then it is 503. Go's publishers do not look at it and lose the message; ours
//! try again.
//!
//! Differences from go-micro that its peers do not see: ids are unique for each subscription, so that two queues of one
//! topic in one process do not get each other's messages; nothing is kept in memory after `Ok`; bodies, times and
//! connections are bounded; web pages may not post.

mod deliver;
mod members;
mod membership;
mod post;
mod receive;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesh_registry::Registry;
use tokio::sync::Semaphore;

use self::deliver::Deliverer;
use self::members::Members;
use self::membership::Membership;
use crate::broker::{Broker, Origin, PublishError, SubscribeError, Subscription};
use crate::envelope;
use crate::message::{Message, TOPIC, check_queue, check_topic};
use crate::queue::Bounds;

/// The name under which members register.
pub const SERVICE: &str = "micro.http.broker";

/// The version of members that get all messages; that of others is the name of their queue.
pub const BROADCAST: &str = "ff.http.broadcast";

/// Where a member listens unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:0";

/// The bounds of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a publication may take, all tries together. Default: 5 s.
    pub publish_timeout: Duration,
    /// The most bytes of messages that are being published at once. Default: 64 MiB.
    pub under_way_bytes: usize,
    /// How long a publisher waits for a full queue of ours. Default: 2 s.
    pub patience: Duration,
    /// The bounds of each subscription's queue.
    queue: Bounds,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            publish_timeout: Duration::from_secs(5),
            under_way_bytes: 64 * 1024 * 1024,
            patience: Duration::from_secs(2),
            queue: Bounds::DEFAULT,
        }
    }
}

/// The least that a message counts for: its task, its connection.
const WEIGHT_MIN: usize = 64 * 1024;

/// The unit in which messages under way are counted.
const PERMIT_BYTES: usize = 1024;

/// See the module.
#[derive(Debug)]
pub struct Http {
    members: Members,
    deliverer: Deliverer,
    membership: Membership,
    under_way: Semaphore,
    limits: Limits,
}

impl Http {
    /// Returns a broker whose members are found in this registry. `listen` is where members of this process will
    /// listen, `host:port`; port 0 is any.
    ///
    /// # Panics
    /// Outside a tokio runtime: the members are followed by a task.
    pub fn new(registry: Arc<dyn Registry>, listen: impl Into<String>) -> Http {
        Self::with_limits(registry, listen, Limits::default())
    }

    /// As [`Http::new`], with other bounds.
    ///
    /// # Panics
    /// As [`Http::new`].
    pub fn with_limits(registry: Arc<dyn Registry>, listen: impl Into<String>, limits: Limits) -> Http {
        Http {
            members: Members::follow(Arc::clone(&registry)),
            deliverer: Deliverer::new(Arc::clone(&registry), limits.publish_timeout),
            membership: Membership::new(registry, listen.into(), limits.patience, limits.queue),
            under_way: Semaphore::new(limits.under_way_bytes / PERMIT_BYTES),
            limits,
        }
    }
}

#[async_trait]
impl Broker for Http {
    fn origin(&self) -> Origin {
        Origin::HTTP
    }

    async fn publish(&self, topic: &str, mut message: Message) -> Result<(), PublishError> {
        check_topic(topic)?;
        message.header.insert(TOPIC.to_owned(), topic.to_owned());
        message.check()?;
        let permits = u32::try_from(message.weight().max(WEIGHT_MIN) / PERMIT_BYTES).unwrap_or(u32::MAX);
        let _under_way = self.under_way.try_acquire_many(permits).map_err(|_| PublishError::Full {
            topic: topic.to_owned(),
            reason: format!("{} bytes of messages are being published", self.limits.under_way_bytes),
        })?;
        let groups = self.members.of(topic).await?;
        if groups.is_empty() {
            return Ok(());
        }
        self.deliverer.deliver(topic, groups, envelope::encode(&message).into()).await
    }

    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError> {
        check_topic(topic)?;
        queue.map(check_queue).transpose()?;
        self.membership.join(topic, queue).await
    }

    async fn close(&self) {
        self.under_way.close();
        self.membership.leave().await;
    }
}

#[cfg(test)]
mod tests;
