//! What the control plane and a worker say to one another.

use std::time::{Duration, Instant};

use gateway_snapshot::ListenerId;
use gateway_upstream::ClusterReport;
use tokio::sync::oneshot;

use super::Phase;
use crate::live::Connection;

/// A message to a worker. The configuration itself is not in it: it lies in the published cell, and the mail only wakes.
#[derive(Debug)]
pub(crate) enum Mail {
    /// There is a newer configuration or table of clusters.
    Wake,
    /// Accept on these sockets for this listener, and no more on those it had.
    Listen { id: ListenerId, sockets: Vec<std::net::TcpListener> },
    /// Accept no more for this listener.
    Close { id: ListenerId },
    /// Serve on, retire, or drain.
    Enter(Phase),
    /// Say what you have.
    Inspect(oneshot::Sender<WorkerReport>),
}

/// What one worker has at the moment.
#[derive(Clone, Debug)]
pub struct WorkerReport {
    /// Its connections.
    pub connections: Vec<ConnectionReport>,
    /// What it keeps of the clusters.
    pub clusters: Vec<ClusterReport>,
    /// The generation it serves.
    pub generation: u64,
}

/// One connection of a worker.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// The peer.
    pub peer: std::net::SocketAddr,
    /// The listener that accepted it.
    pub listener: ListenerId,
    /// How old it is.
    pub age: Duration,
    /// Bytes read from it and written to it.
    pub bytes: (u64, u64),
    /// Exchanges so far.
    pub exchanges: u64,
    /// Exchanges going on.
    pub in_exchange: u32,
}

impl ConnectionReport {
    pub(super) fn of(connection: &Connection, now: Instant) -> Self {
        Self {
            peer: connection.peer.address,
            listener: ListenerId::clone(&connection.listener.id),
            age: now.saturating_duration_since(connection.since),
            bytes: connection.progress.bytes(),
            exchanges: connection.exchanges.get(),
            in_exchange: connection.in_exchange(),
        }
    }
}
