//! The embedded registry: everything in this process, nothing on disk.

mod table;

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::table::Table;
use crate::dialable::Source;
use crate::limits;
use crate::model::Service;
use crate::registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Watch, WatchError,
};

/// How many events may wait for a watcher. One that falls further behind gets a resync instead of them.
const EVENTS_MAX: usize = 256;

/// The longest lease: what is to last longer lasts until it is taken back, and no clock overflows.
pub(crate) const TTL_MAX: Duration = Duration::from_hours(10 * 365 * 24);

/// The most nodes that the registry holds, of all services together.
const NODES_MAX: usize = 65_536;

/// The embedded registry. Clones share one table; the last one that is dropped ends all watches.
///
/// A lease runs in tokio's time. What has expired is not returned any more, and a task that lives as long as the
/// registry tells the watchers.
#[derive(Debug, Clone)]
pub struct Memory {
    shared: Arc<Shared>,
    /// Aborted with the last clone.
    _expiry: Arc<JoinSet<()>>,
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    events: broadcast::Sender<Event>,
    /// Told when a lease ends before the one that is waited for.
    sooner: Notify,
}

impl Memory {
    /// Returns an empty registry.
    ///
    /// # Panics
    /// Outside a tokio runtime: the task that ends leases is spawned here.
    pub fn new() -> Memory {
        Self::with_limits(NODES_MAX, EVENTS_MAX)
    }

    fn with_limits(nodes_max: usize, events_max: usize) -> Memory {
        let shared = Arc::new(Shared {
            table: Mutex::new(Table::new(nodes_max)),
            events: broadcast::Sender::new(events_max),
            sooner: Notify::new(),
        });
        let mut expiry = JoinSet::new();
        expiry.spawn(expire(Arc::clone(&shared)));
        Memory { shared, _expiry: Arc::new(expiry) }
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

#[async_trait]
impl Registry for Memory {
    fn origin(&self) -> Origin {
        Origin::MEMORY
    }

    fn source(&self) -> Source {
        Source::Own
    }

    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        limits::check(&service)?;
        self.shared.change(|table| {
            let ttl = options.ttl.filter(|ttl| *ttl <= TTL_MAX);
            let expires = ttl.and_then(|ttl| Some((ttl, Instant::now().checked_add(ttl)?)));
            table.register(service, expires)
        })
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        let now = Instant::now();
        if self.shared.change(|table| Ok::<_, HeartbeatError>((table.extend(service, node, now), Vec::new())))? {
            return Ok(());
        }
        Err(HeartbeatError::UnknownNode { service: service.to_owned(), node: node.to_owned() })
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        limits::check_identity(service)?;
        let ids = service.nodes.iter().map(|node| node.id.as_str());
        let found = self.shared.change(|table| Ok::<_, DeregisterError>(table.remove(&service.name, ids)))?;
        if found {
            return Ok(());
        }
        let node = service.nodes.first().map(|node| node.id.clone()).unwrap_or_default();
        Err(DeregisterError::UnknownNode { service: service.name.clone(), node })
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let versions = self.shared.table.lock().versions(name, Instant::now());
        if versions.is_empty() { Err(GetError::UnknownService { name: name.to_owned() }) } else { Ok(versions) }
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        Ok(self.shared.table.lock().services(Instant::now()))
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let start = Follower { shared: Arc::downgrade(&self.shared), events: None };
        Ok(Watch::new(stream::unfold(start, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        })))
    }
}

impl Shared {
    /// Changes the table and sends what that means while it is locked, so that events come in the order of the
    /// changes and a resync falls between two of them.
    fn change<R, E>(&self, change: impl FnOnce(&mut Table) -> Result<(R, Vec<Change>), E>) -> Result<R, E> {
        let mut table = self.table.lock();
        let before = table.next_expiry();
        let (result, changes) = change(&mut table)?;
        for change in changes {
            // Nobody may be watching.
            drop(self.events.send(Event { origin: Origin::MEMORY, change }));
        }
        let after = table.next_expiry();
        drop(table);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.sooner.notify_one();
        }
        Ok(result)
    }
}

/// One watcher: what it has not seen yet.
struct Follower {
    /// Weak, so that a watch does not keep the registry.
    shared: Weak<Shared>,
    /// None before the first event and after events were lost: then everything is sent.
    events: Option<broadcast::Receiver<Event>>,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        if let Some(events) = &mut self.events {
            match events.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Closed) => return None,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "a watcher of the registry was too slow, it gets everything anew");
                }
            }
        }
        let shared = self.shared.upgrade()?;
        let table = shared.table.lock();
        self.events = Some(shared.events.subscribe());
        Some(Event { origin: Origin::MEMORY, change: Change::Resync(table.services(Instant::now())) })
    }
}

/// Ends leases as their time comes; goes on until it is aborted.
async fn expire(registry: Arc<Shared>) {
    loop {
        // A notification that comes between here and the wait is kept.
        let next = registry.table.lock().next_expiry();
        let Some(next) = next else {
            registry.sooner.notified().await;
            continue;
        };
        tokio::select! {
            () = sleep_until(next) => {
                let ended = registry.change(|table| Ok::<_, Infallible>(((), table.expire(Instant::now()))));
                let Ok(()) = ended;
            }
            () = registry.sooner.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
