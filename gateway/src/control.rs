//! The control plane: one task that owns sockets, workers and the table of clusters, and alone publishes.
//!
//! Because it is alone, a change is a sequence of steps, each of which can fail before anything is touched: bind what is
//! new, resolve its names, publish, then tell the workers. Nothing it does holds up a request.

mod apply;
mod clusters;
mod crew;
mod gateway;

pub use apply::{Applied, ApplyError};
pub use gateway::{Gateway, GatewayError, ListenerStatus, Status};

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_snapshot::{Compiled, Generations, ListenerId, Published, Snapshot};
use gateway_upstream::{Discover, Discovered, ServicesTable, Source};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::access_log::AccessLog;
use crate::sockets::Listening;
use crate::worker::{Mail, Phase, WorkerReport};
use clusters::{Names, Resolved};
use crew::Crew;

/// How many orders may wait; whoever gives one waits when they do.
const ORDERS: usize = 32;
/// How long a worker may take to say what it has.
const INSPECT: Duration = Duration::from_secs(1);

/// What others ask of the control plane.
pub(crate) enum Order {
    Apply(Box<Compiled>, oneshot::Sender<Result<Applied, ApplyError>>),
    Discovered(Discovered),
    Resolved(Resolved),
    Inspect(oneshot::Sender<Vec<WorkerReport>>),
    Listeners(oneshot::Sender<Vec<ListenerStatus>>),
    Drain(Duration, oneshot::Sender<()>),
}

/// Runs the control plane. Ends when the gateway was drained or its handle is gone.
pub struct Control {
    cell: Arc<gateway_snapshot::Cell>,
    table: ServicesTable,
    listening: HashMap<ListenerId, Listening>,
    crew: Crew,
    names: Names,
    access_log: AccessLog,
    orders: mpsc::Receiver<Order>,
}

impl Control {
    /// Obeys orders until the gateway is drained. Run it on a runtime that no request uses.
    pub async fn run(mut self) {
        while let Some(order) = self.orders.recv().await {
            match order {
                Order::Apply(compiled, reply) => drop(reply.send(self.apply(*compiled).await)),
                Order::Discovered(event) => self.discovered(event).await,
                Order::Resolved(resolved) => self.resolved(resolved).await,
                Order::Inspect(reply) => drop(reply.send(self.crew.inspect(INSPECT).await)),
                Order::Listeners(reply) => drop(reply.send(self.listeners())),
                Order::Drain(limit, reply) => {
                    // Nobody accepts any more, so the sockets close at once: a client that comes now tries elsewhere.
                    self.crew.tell(|_| Mail::Enter(Phase::Draining)).await;
                    self.listening.clear();
                    self.crew.end(limit).await;
                    if reply.send(()).is_err() {
                        tracing::debug!("nobody waited for the end");
                    }
                    break;
                }
            }
        }
    }

    async fn discovered(&mut self, event: Discovered) {
        // Only a whole table ends staleness: of several registries one may be down while another has news.
        let mut changed = match event {
            Discovered::Resync(_) => self.table.set_stale(false),
            Discovered::Stale => self.table.set_stale(true),
            Discovered::Upsert(_) | Discovered::Remove(_) => false,
        };
        changed |= match event {
            Discovered::Resync(clusters) => self.table.replace(Source::Registry, clusters),
            Discovered::Upsert(cluster) => self.table.upsert(cluster),
            Discovered::Remove(name) => {
                self.table.remove(&gateway_upstream::ClusterId { source: Source::Registry, name: name.into() })
            }
            Discovered::Stale => false,
        };
        if changed {
            self.publish_services().await;
        }
    }

    async fn resolved(&mut self, resolved: Resolved) {
        let mut changed = false;
        for cluster in self.names.learn(resolved) {
            changed |= self.table.upsert(cluster);
        }
        if changed {
            self.publish_services().await;
        }
    }

    /// Publishes a new table under the running configuration: no new generation.
    async fn publish_services(&mut self) {
        let generations = self.cell.load().generations.clone();
        self.cell.store(Arc::new(Published { generations, services: self.table.snapshot() }));
        self.crew.tell(|_| Mail::Wake).await;
    }

    fn publish(&mut self, live: Arc<Snapshot>) {
        let generations = Generations { live, trial: None };
        self.cell.store(Arc::new(Published { generations, services: self.table.snapshot() }));
    }

    fn listeners(&self) -> Vec<ListenerStatus> {
        let status = |(id, listening): (&ListenerId, &Listening)| ListenerStatus {
            name: id.to_string(),
            addresses: listening.addresses(),
        };
        let mut listeners: Vec<_> = self.listening.iter().map(status).collect();
        listeners.sort_by(|a, b| a.name.cmp(&b.name));
        listeners
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("listening", &self.listening.keys()).finish_non_exhaustive()
    }
}

/// Feeds what a registry reports to the control plane, until either ends. Starts again, with a pause, when it fails. It
/// hears of clusters that cannot be reached.
pub(crate) async fn follow(
    mut feed: Box<dyn Discover>,
    orders: mpsc::Sender<Order>,
    mut suspects: broadcast::Receiver<Arc<str>>,
) {
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        let next = tokio::select! {
            event = feed.next() => Some(event),
            cluster = suspects.recv() => match cluster {
                Ok(cluster) => {
                    feed.suspect(&cluster);
                    None
                }
                // Of those that were missed the next failure tells again.
                Err(broadcast::error::RecvError::Lagged(_)) => None,
                Err(broadcast::error::RecvError::Closed) => return, // the gateway is gone
            },
        };
        let Some(event) = next else { continue };
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "the registry cannot be reached; the last known services stay");
                tokio::time::sleep(PAUSE).await;
                Discovered::Stale
            }
        };
        if orders.send(Order::Discovered(event)).await.is_err() {
            return;
        }
    }
}

/// Tells the workers where to accept now, by their number.
pub(crate) async fn lend(crew: &Crew, listening: &HashMap<ListenerId, Listening>, ids: &[ListenerId]) {
    let workers = crew.serving();
    for id in ids {
        let Some(listening) = listening.get(id) else { continue };
        for worker in 0..workers {
            match listening.lend(worker, workers) {
                Ok(sockets) => crew.send(worker, Mail::Listen { id: Arc::clone(id), sockets }).await,
                Err(error) => tracing::error!(%error, listener = %id, worker, "a socket could not be lent"),
            }
        }
    }
}
