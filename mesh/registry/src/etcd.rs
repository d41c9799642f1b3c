//! etcd: the registry of most go-micro deployments.
//!
//! Records are where go-micro has them and as it writes them (spec/wire 2.2): one key for each node below
//! `/micro/registry`, with the JSON of a service that has this node alone, bound to a lease. Our client of etcd's API
//! is small: keys, watches, leases and passwords, over tonic, with TLS where it is asked for.
//!
//! Everything that is read is untrusted. A key that is no node is left out, with one line in the log for each such key;
//! so are nodes beyond 65,536.
//!
//! ```no_run
//! use mesh_registry::Registry;
//! use mesh_registry::etcd::{Etcd, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Etcd::new(&Options::at(["etcd-0:2379", "etcd-1:2379"]))?;
//! println!("{:?}", registry.get("go.micro.srv.greeter").await?);
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod failure;
mod follower;
mod key;
mod options;
mod pages;
mod record;
mod register;
mod secure;
mod table;

pub use options::{Credentials, InvalidOptions, Options, Tls};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::client::Client;
use self::failure::Failure;
use self::follower::{Follower, keep};
use self::key::{Prefix, Range};
use self::pages::{Freshness, read};
use self::record::Noted;
use self::table::Table;
use crate::limits;
use crate::model::Service;
use crate::registry::{
    DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions, Registry,
    Unavailable, Watch, WatchError,
};

const ORIGIN: Origin = Origin::ETCD;

/// The most nodes that are kept, of all services together.
const NODES_MAX: usize = 65_536;

/// A registry in etcd. Clones share its connections; the last one that is dropped ends all watches.
///
/// Nothing is connected before it is needed. Of several members the one that answers is kept until it fails. A watch
/// outlives any outage: what it knows stays, marked stale, and where it went on it resumes. An etcd that comes back
/// without what it knew does not empty the table: its nodes stay, marked stale, for one TTL ([`Options::hold`]), in
/// which they register again.
#[derive(Debug, Clone)]
pub struct Etcd {
    client: Arc<Client>,
    prefix: Prefix,
    hold: Duration,
    /// The keys that [`Registry::get`] and [`Registry::list`] have spoken of.
    noted: Arc<Mutex<Noted>>,
    end: CancellationToken,
    _ended: Arc<DropGuard>,
}

impl Etcd {
    /// Returns the registry at these addresses.
    ///
    /// # Errors
    /// When an address is none, or a file of TLS cannot be used.
    ///
    /// # Panics
    /// Outside a tokio runtime: connections have tasks.
    pub fn new(options: &Options) -> Result<Etcd, InvalidOptions> {
        let end = CancellationToken::new();
        Ok(Etcd {
            client: Arc::new(Client::new(options)?),
            prefix: Prefix::new(&options.prefix),
            hold: options.hold,
            noted: Arc::default(),
            _ended: Arc::new(end.clone().drop_guard()),
            end,
        })
    }

    async fn table(&self, range: &Range) -> Result<Table, Failure> {
        let parse = |found| keep(&self.prefix, &mut self.noted.lock(), found);
        let everything = read(&self.client, range, Freshness::Member, NODES_MAX, parse).await?;
        Ok(Table::of(NODES_MAX, everything.items))
    }
}

#[async_trait]
impl Registry for Etcd {
    fn origin(&self) -> Origin {
        ORIGIN
    }

    /// An empty version stays empty, as go-micro stores it.
    async fn register(&self, mut service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        limits::check(&service)?;
        for node in std::mem::take(&mut service.nodes) {
            let key = self.prefix.node(&service.name, &node.id);
            service.nodes = vec![node];
            let value = service.to_json().into_bytes();
            register::write(&self.client, key, value, options.ttl).await.map_err(Unavailable::from)?;
        }
        Ok(())
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        let key = self.prefix.node(service, node);
        if register::extend(&self.client, &key).await.map_err(Unavailable::from)? {
            return Ok(());
        }
        Err(HeartbeatError::UnknownNode { service: service.to_owned(), node: node.to_owned() })
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        limits::check_identity(service)?;
        let mut is_found = false;
        for node in &service.nodes {
            let key = self.prefix.node(&service.name, &node.id);
            is_found |= register::delete(&self.client, key).await.map_err(Unavailable::from)?;
        }
        if is_found {
            return Ok(());
        }
        let node = service.nodes.first().map(|node| node.id.clone()).unwrap_or_default();
        Err(DeregisterError::UnknownNode { service: service.name.clone(), node })
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let table = self.table(&self.prefix.service(name)).await.map_err(Unavailable::from)?;
        // Names that differ by a slash share a folder.
        let versions = table.versions(name);
        if versions.is_empty() { Err(GetError::UnknownService { name: name.to_owned() }) } else { Ok(versions) }
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        Ok(self.table(&self.prefix.all()).await.map_err(Unavailable::from)?.services())
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let mut follower = Follower::new(Arc::clone(&self.client), self.prefix.clone(), NODES_MAX, self.hold);
        follower.begin().await.map_err(Unavailable::from)?;
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
