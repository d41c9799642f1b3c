//! The registry of another process, reached over gRPC as `go.micro.registry`: the kind `service` of go-micro.
//!
//! Speaks to our own registry and to the real `micro registry` alike. What changes there is told by its watch; as the
//! real one does not say that a lease ended and loses events of slow watchers, everything is read again every
//! fifteen seconds.
//!
//! ```no_run
//! use mesh_registry::{Registry, Remote};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Remote::new(["127.0.0.1:8000"])?;
//! println!("{:?}", registry.get("go.micro.srv.greeter").await?);
//! # Ok(())
//! # }
//! ```

mod client;
mod follower;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use indexmap::IndexMap;
use parking_lot::Mutex;
use proto::registry as wire;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::client::Client;
pub use self::client::InvalidAddress;
use self::follower::Follower;
use crate::dialable::Source;
use crate::limits;
use crate::model::Service;
use crate::protocol::to_wire;
use crate::registry::{
    DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions, Registry,
    Watch, WatchError,
};

const ORIGIN: Origin = Origin::SERVICE;

/// The most nodes whose records are kept so that they can be renewed.
const OWN_NODES_MAX: usize = 4096;

/// The registry of another process. Clones share its connection; the last one that is dropped ends all watches.
///
/// Nothing is connected before it is needed. Of several addresses the one that answers is kept until it fails.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Arc<Client>,
    /// What was registered here, by service and node: the protocol has no heartbeat but to register again.
    own: Arc<Mutex<Own>>,
    end: CancellationToken,
    _ended: Arc<DropGuard>,
}

/// Records by service and node id.
type Own = IndexMap<(String, String), (Service, RegisterOptions)>;

impl Remote {
    /// Returns the registry at these addresses, `host` or `host:port` (default 8000); none: `127.0.0.1:8000`.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(addresses: impl IntoIterator<Item = impl Into<String>>) -> Result<Remote, InvalidAddress> {
        let client = Client::new(addresses.into_iter().map(Into::into).collect())?;
        let end = CancellationToken::new();
        let ended = Arc::new(end.clone().drop_guard());
        Ok(Remote { client: Arc::new(client), own: Arc::default(), end, _ended: ended })
    }

    /// Returns whether a registry answers there within this time.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        tokio::time::timeout(within, self.client.list()).await.is_ok_and(|answer| answer.is_ok())
    }
}

#[async_trait]
impl Registry for Remote {
    fn origin(&self) -> Origin {
        ORIGIN
    }

    fn source(&self) -> Source {
        if self.client.is_local() { Source::Own } else { Source::Shared }
    }

    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        limits::check(&service)?;
        let mut message = to_wire(&service);
        // Whole seconds, and never by rounding one that does not end.
        let ttl = options.ttl.map_or(0, |ttl| i64::try_from(ttl.as_secs().max(1)).unwrap_or(i64::MAX));
        message.options = Some(wire::Options { ttl });
        self.client.register(&message).await?;
        let mut own = self.own.lock();
        for node in &service.nodes {
            let key = (service.name.clone(), node.id.clone());
            if own.len() < OWN_NODES_MAX || own.contains_key(&key) {
                let record = Service { nodes: vec![node.clone()], ..service.clone() };
                own.insert(key, (record, options));
            }
        }
        Ok(())
    }

    /// Registers again what was registered through this one; what was not is not known.
    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        let key = (service.to_owned(), node.to_owned());
        let known = self.own.lock().get(&key).cloned();
        let Some((record, options)) = known else {
            return Err(HeartbeatError::UnknownNode { service: key.0, node: key.1 });
        };
        self.register(record, options).await.map_err(|error| match error {
            RegisterError::Unavailable(unavailable) => HeartbeatError::Unavailable(unavailable),
            RegisterError::Invalid(_) | RegisterError::Full { .. } => {
                HeartbeatError::UnknownNode { service: key.0, node: key.1 }
            }
        })
    }

    /// Whether the node was there is not told by the protocol.
    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        limits::check_identity(service)?;
        self.client.deregister(&to_wire(service)).await?;
        let mut own = self.own.lock();
        for node in &service.nodes {
            own.swap_remove(&(service.name.clone(), node.id.clone()));
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let versions = self.client.get(name).await?;
        if versions.is_empty() { Err(GetError::UnknownService { name: name.to_owned() }) } else { Ok(versions) }
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        Ok(self.client.list().await?)
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let follower = Follower::begin(Arc::clone(&self.client)).await?;
        let start = (follower, self.end.clone());
        Ok(Watch::new(stream::unfold(start, |(mut follower, end)| async move {
            let change = tokio::select! {
                () = end.cancelled() => return None,
                change = follower.next() => change,
            };
            Some((Event { origin: ORIGIN, change }, (follower, end)))
        })))
    }
}
