//! The handle on a running gateway.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_handler::{Publication, Publisher};
use gateway_snapshot::{Compiled, Generations, Published, Snapshot};
use gateway_upstream::{Discover, ServicesTable};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::clusters::Names;
use super::crew::Crew;
use super::{Applied, ApplyError, Control, ORDERS, Order, follow};
use crate::access_log::AccessLog;
use crate::metrics::WorkerMetrics;
use crate::worker::{Suspects, WorkerReport};

/// How many names of unreachable clusters may wait for the registry.
const SUSPECTS: usize = 64;

/// How many publications may wait for the broker, of all workers together.
const PUBLICATIONS: usize = 1024;

/// Why a gateway cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the access log's thread cannot be started")]
pub struct GatewayError(#[source] std::io::Error);

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// Its addresses as bound.
    pub addresses: Vec<SocketAddr>,
}

/// How a gateway is.
#[derive(Clone, Debug)]
pub struct Status {
    /// The number of the running configuration; 0 before the first.
    pub generation: u64,
    /// Its digest.
    pub digest: Arc<str>,
    /// How many workers serve.
    pub workers: usize,
    /// Whether it is shutting down.
    pub draining: bool,
    /// Whether the registry's services are the last known ones.
    pub stale: bool,
    /// How many clusters were rebuilt so far: a node that comes or goes adds one.
    pub clusters_rebuilt: u64,
}

/// A handle on a running gateway. Cheap to clone; all clones speak to one control plane.
#[derive(Clone)]
pub struct Gateway {
    cell: Arc<gateway_snapshot::Cell>,
    metrics: Arc<Mutex<Vec<Arc<WorkerMetrics>>>>,
    orders: mpsc::Sender<Order>,
    suspects: Suspects,
    publications: Arc<Mutex<Option<mpsc::Receiver<Publication>>>>,
    draining: Arc<AtomicBool>,
}

impl Gateway {
    /// Makes a gateway without a configuration, and its control plane, which the caller runs.
    ///
    /// # Errors
    /// Fails when the access log's thread cannot be started.
    pub fn new() -> Result<(Self, Control), GatewayError> {
        let access_log = AccessLog::start().map_err(GatewayError)?;
        let (sender, orders) = mpsc::channel(ORDERS);
        let table = ServicesTable::default();
        let generations = Generations { live: Arc::new(Snapshot::empty()), trial: None };
        let cell =
            Arc::new(gateway_snapshot::Cell::from_pointee(Published { generations, services: table.snapshot() }));
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let suspects = Suspects::new(SUSPECTS);
        let (publisher, publications) = Publisher::channel(PUBLICATIONS);
        let control = Control {
            crew: Crew::new(Arc::clone(&cell), access_log.clone(), suspects.clone(), publisher, Arc::clone(&metrics)),
            names: Names::new(sender.downgrade()),
            cell: Arc::clone(&cell),
            listening: HashMap::new(),
            table,
            access_log,
            orders,
        };
        Ok((
            Self {
                cell,
                metrics,
                orders: sender,
                suspects,
                publications: Arc::new(Mutex::new(Some(publications))),
                draining: Arc::default(),
            },
            control,
        ))
    }

    /// Puts a configuration in force.
    ///
    /// # Errors
    /// Says what stood in the way; then the configuration before serves on, untouched.
    pub async fn apply(&self, compiled: Compiled) -> Result<Applied, ApplyError> {
        let (reply, outcome) = oneshot::channel();
        self.orders.send(Order::Apply(Box::new(compiled), reply)).await.map_err(|_| ApplyError::Ended)?;
        outcome.await.map_err(|_| ApplyError::Ended)?
    }

    /// Follows a registry for as long as the returned future is polled.
    pub fn follow(&self, feed: Box<dyn Discover>) -> impl Future<Output = ()> + Send + use<> {
        follow(feed, self.orders.clone(), self.suspects.subscribe())
    }

    /// Returns the queue of what routes publish, for whoever has the broker; `None` when it was taken already. While
    /// nobody takes from it, publications wait until it is full, and then end with 503.
    pub fn publications(&self) -> Option<mpsc::Receiver<Publication>> {
        self.publications.lock().take()
    }

    /// Returns the configuration and the clusters that are in force at the moment.
    pub fn published(&self) -> Arc<Published> {
        self.cell.load_full()
    }

    /// Returns how the gateway is.
    pub fn status(&self) -> Status {
        let published = self.cell.load();
        let snapshot = published.snapshot();
        Status {
            generation: snapshot.generation,
            digest: Arc::clone(&snapshot.digest),
            workers: snapshot.workers,
            draining: self.draining.load(Ordering::Relaxed),
            stale: published.services.is_stale(),
            clusters_rebuilt: published.services.rebuilt(),
        }
    }

    /// Returns whether it can take traffic: configured, listening, not shutting down.
    pub fn is_ready(&self) -> bool {
        let status = self.status();
        status.generation > 0 && !status.draining
    }

    /// Returns where the listeners listen; nothing once it has ended.
    pub async fn listeners(&self) -> Vec<ListenerStatus> {
        self.ask(Order::Listeners).await.unwrap_or_default()
    }

    /// Asks every worker what it has; those that do not answer within a second are left out.
    pub async fn inspect(&self) -> Vec<WorkerReport> {
        self.ask(Order::Inspect).await.unwrap_or_default()
    }

    /// Returns the counters of all workers there ever were.
    pub fn metrics(&self) -> Vec<Arc<WorkerMetrics>> {
        self.metrics.lock().clone()
    }

    /// Stops accepting, lets what is going on end, and cuts it after `limit`. The control plane then ends.
    pub async fn drain(&self, limit: Duration) {
        self.draining.store(true, Ordering::Relaxed);
        self.ask(|reply| Order::Drain(limit, reply)).await.unwrap_or_default();
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("status", &self.status()).finish_non_exhaustive()
    }
}
