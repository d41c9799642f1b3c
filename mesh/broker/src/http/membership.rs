//! The subscriptions of this process: one listener for all, and a record in the registry for each.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use mesh_registry::mdns::advertised_host;
use mesh_registry::{Lease, Node, RegisterOptions, Registry, Service, announce};
use mesh_rpc::Server;
use mesh_rpc::server::Limits as ServerLimits;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::receive::Door;
use super::{BROADCAST, SERVICE};
use crate::broker::{Origin, SubscribeError, Subscription, Unavailable};
use crate::message::{InvalidMessage, NAME_BYTES_MAX};
use crate::queue::{Bounds, Queue};

/// How long a record lasts without being renewed, as in go-micro.
const TTL: Duration = Duration::from_mins(1);

/// How long the registry may take for the first record.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long taking the records back may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most subscriptions.
const SUBSCRIPTIONS_MAX: usize = 1024;

/// The longest topic: with a hyphen and a UUID it is the id of a node, which has a limit.
const TOPIC_BYTES_MAX: usize = NAME_BYTES_MAX - 37;

/// The subscriptions by node id.
pub(super) type Seats = Arc<Mutex<HashMap<String, Seat>>>;

/// Where a delivery goes.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) topic: String,
    pub(super) queue: Arc<Queue>,
}

#[derive(Debug)]
pub(super) struct Membership {
    registry: Arc<dyn Registry>,
    listen: String,
    patience: Duration,
    bounds: Bounds,
    /// Where this process is reached, once somebody has subscribed.
    address: OnceCell<SocketAddr>,
    seats: Seats,
    tasks: TaskTracker,
    end: CancellationToken,
    /// Ends what runs when the broker is dropped.
    _end_on_drop: DropGuard,
}

impl Membership {
    pub(super) fn new(registry: Arc<dyn Registry>, listen: String, patience: Duration, bounds: Bounds) -> Membership {
        let end = CancellationToken::new();
        Membership {
            registry,
            listen,
            patience,
            bounds,
            address: OnceCell::new(),
            seats: Seats::default(),
            tasks: TaskTracker::new(),
            _end_on_drop: end.clone().drop_guard(),
            end,
        }
    }

    /// Registers a subscription and begins it.
    pub(super) async fn join(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError> {
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(InvalidMessage::LongName { what: "topic", bytes: topic.len(), max: TOPIC_BYTES_MAX }.into());
        }
        if self.seats.lock().len() >= SUBSCRIPTIONS_MAX {
            return Err(SubscribeError::Full { max: SUBSCRIPTIONS_MAX });
        }
        let address = *self.address.get_or_try_init(|| self.listen()).await.map_err(|error| {
            Unavailable::new(Origin::HTTP, format!("cannot listen on {}", self.listen)).caused_by(error)
        })?;
        let id = format!("{topic}-{}", Uuid::new_v4());
        let place = Arc::new(Queue::new(self.bounds));
        let leave = self.end.child_token();
        let membership = Member {
            id: id.clone(),
            seats: Arc::clone(&self.seats),
            queue: Arc::clone(&place),
            _leave: leave.clone().drop_guard(),
        };
        // Before it is registered, so that the first message finds it.
        self.seats.lock().insert(id.clone(), Seat { topic: topic.to_owned(), queue: place });
        let record = record(topic, queue, id, address);
        self.register(&record).await?;
        let announcing = announce(Arc::clone(&self.registry), record, Lease::default(), leave);
        self.tasks.spawn(async move {
            if let Err(error) = announcing.await {
                tracing::warn!(%error, "a subscription is not registered any more");
            }
        });
        Ok(Subscription::new(stream::unfold(membership, |membership| async move {
            let delivery = membership.queue.next().await?;
            Some((delivery, membership))
        })))
    }

    /// Ends all subscriptions, takes their records back, and then stops to listen.
    pub(super) async fn leave(&self) {
        self.end.cancel();
        for seat in self.seats.lock().values() {
            seat.queue.close();
        }
        self.tasks.close();
        if timeout(LEAVE_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::debug!("records of subscriptions were not taken back in time, they expire");
        }
    }

    async fn listen(&self) -> io::Result<SocketAddr> {
        // Go's `:0` is all addresses.
        let listen = match self.listen.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => self.listen.clone(),
        };
        let listener = TcpListener::bind(&listen).await?;
        let bound = listener.local_addr()?;
        let limits = ServerLimits { drain_timeout: Duration::from_secs(1), ..ServerLimits::default() };
        let door = Door::new(Arc::clone(&self.seats), self.patience);
        let serving = Server::bare().with_http(door).with_limits(limits).serve(listener, self.end.clone());
        self.tasks.spawn(serving);
        let host = if bound.ip().is_unspecified() { advertised_host() } else { bound.ip() };
        Ok(SocketAddr::new(host, bound.port()))
    }

    async fn register(&self, record: &Service) -> Result<(), SubscribeError> {
        let options = RegisterOptions { ttl: Some(TTL) };
        match timeout(REGISTER_TIMEOUT, self.registry.register(record.clone(), options)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(Unavailable::new(Origin::HTTP, "the subscription is not registered").caused_by(error).into())
            }
            Err(_) => {
                let reason = format!("the registry did not take the subscription within {REGISTER_TIMEOUT:?}");
                Err(Unavailable::new(Origin::HTTP, reason).into())
            }
        }
    }
}

/// A subscription as Go registers it.
fn record(topic: &str, queue: Option<&str>, id: String, address: SocketAddr) -> Service {
    let node = Node::new(id, address.to_string()).with("broker", "http").with("secure", "false").with("topic", topic);
    Service { version: queue.unwrap_or(BROADCAST).to_owned(), ..Service::new(SERVICE) }.with_node(node)
}

/// A subscription that lives; dropping it takes its record back.
#[derive(Debug)]
struct Member {
    id: String,
    seats: Seats,
    queue: Arc<Queue>,
    _leave: DropGuard,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.queue.close();
        self.seats.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn a_record_is_that_of_go() {
        let address = "127.0.0.1:41235".parse().expect("is an address");
        let id = "example.topic.pubsub-6ba7b810-9dad-41d1-80b4-00c04fd430c8";
        // spec/wire G-10.
        let expected = r#"{"name":"micro.http.broker","version":"ff.http.broadcast","metadata":null,"endpoints":null,"nodes":[{"id":"example.topic.pubsub-6ba7b810-9dad-41d1-80b4-00c04fd430c8","address":"127.0.0.1:41235","metadata":{"broker":"http","secure":"false","topic":"example.topic.pubsub"}}]}"#;
        assert_eq!(record("example.topic.pubsub", None, id.to_owned(), address).to_json(), expected);
        assert_eq!(record("t", Some("workers"), "t-1".to_owned(), address).version, "workers");
    }
}
