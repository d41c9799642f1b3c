//! The trait of all back ends, and what they say to those who watch.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::dialable::Source;
use crate::limits::InvalidRecord;
use crate::model::Service;

/// A place where services are registered and found.
///
/// All records that go in are checked by [`crate::limits`]; all that come out have been. Dropping any of the
/// futures gives the operation up; whether it took place is then not known.
#[async_trait]
pub trait Registry: fmt::Debug + Send + Sync {
    /// Returns the name of the back end, which all its events carry.
    fn origin(&self) -> Origin;

    /// Returns where its nodes are when their addresses do not say so: [`dialable`](crate::dialable()).
    fn source(&self) -> Source {
        Source::Shared
    }

    /// Returns whether services can be registered at all.
    fn is_writable(&self) -> bool {
        true
    }

    /// Registers the nodes of a record, or refreshes them: a node id is unique within its service, so a node that
    /// comes with another version, address or endpoints replaces what it said before.
    ///
    /// An empty version becomes `latest`, save in etcd, where it stays as go-micro has it.
    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError>;

    /// Extends the lease of a node by the time it was registered with.
    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError>;

    /// Takes the nodes of a record away; only its name and the ids of its nodes matter.
    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError>;

    /// Returns the versions of a service, each with its nodes. Never an empty list.
    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError>;

    /// Returns every version of every service, sorted by name and version.
    async fn list(&self) -> Result<Vec<Service>, ListError>;

    /// Watches all services. The first event is a [`Change::Resync`].
    async fn watch(&self) -> Result<Watch, WatchError>;

    /// Says that a connection to a node of the service was refused. A back end whose records do not end by themselves
    /// looks whether the node is still there; the others know.
    fn suspect(&self, _service: &str) {}
}

/// How a registration is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegisterOptions {
    /// How long the nodes stay without being refreshed; `None`: until they are taken away.
    pub ttl: Option<Duration>,
}

/// The name of a back end: `memory`, `mdns`, `etcd`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Cow<'static, str>);

impl Origin {
    /// The embedded registry.
    pub const MEMORY: Origin = Origin(Cow::Borrowed("memory"));

    /// etcd.
    pub const ETCD: Origin = Origin(Cow::Borrowed("etcd"));

    /// The network, by multicast DNS.
    pub const MDNS: Origin = Origin(Cow::Borrowed("mdns"));

    /// A file.
    pub const FILE: Origin = Origin(Cow::Borrowed("file"));

    /// The registry of another process.
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

/// Something that changed in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which back end says so.
    pub origin: Origin,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Everything there is: what is not in it is gone. Sent first, and whenever changes may have been missed.
    Resync(Vec<Service>),
    /// One version of a service as it is now, with all its nodes: it replaces what was known of that version.
    Upsert(Service),
    /// The last node of a version of a service is gone.
    Remove {
        /// The service.
        name: String,
        /// The version.
        version: String,
    },
    /// The back end cannot be reached: what is known stays, but may be old. A [`Change::Resync`] ends it.
    Stale,
}

/// The events of one back end, in order. Ends when the back end is dropped; dropping it ends the watch.
pub struct Watch(BoxStream<'static, Event>);

impl Watch {
    /// Makes a watch of a stream that keeps the promises of [`Change`].
    pub fn new(events: impl Stream<Item = Event> + Send + 'static) -> Watch {
        Watch(events.boxed())
    }

    /// Waits for the next event; `None` when the back end is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watch")
    }
}

impl Stream for Watch {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next_unpin(context)
    }
}

/// The back end could not be reached, or did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("registry {origin} is not available: {reason}")]
pub struct Unavailable {
    /// Which back end.
    pub origin: Origin,
    /// What it was about: the address, the deadline.
    pub reason: String,
    /// What went wrong beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Unavailable {
    /// Returns the error object beneath, where the back end speaks of errors as go-micro does (kind `service`).
    pub fn rpc_error(&self) -> Option<&mesh_rpc::RpcError> {
        self.source.as_deref()?.downcast_ref()
    }
}

/// Why a service was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The record breaks a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidRecord),
    /// The registry holds as many nodes as it may.
    #[error("the registry is full: it holds {max} nodes")]
    Full {
        /// The limit.
        max: usize,
    },
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a lease was not extended.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// No such node, or its lease ran out: register again.
    #[error("no node {node:?} of service {service:?} is registered: register it again")]
    UnknownNode {
        /// The service.
        service: String,
        /// The node id.
        node: String,
    },
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why nodes were not taken away.
#[derive(Debug, thiserror::Error)]
pub enum DeregisterError {
    /// None of the nodes was registered; they may have expired.
    #[error("no node {node:?} of service {service:?} is registered")]
    UnknownNode {
        /// The service.
        service: String,
        /// The first of the ids.
        node: String,
    },
    /// The record names nothing that could be registered.
    #[error(transparent)]
    Invalid(#[from] InvalidRecord),
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a service was not found.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// No node of it is registered.
    #[error("service {name:?} is not registered")]
    UnknownService {
        /// The name.
        name: String,
    },
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why services could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a watch did not begin.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
