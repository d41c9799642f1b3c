//! Putting a new configuration in force: everything that can fail first, then one swap.

use std::collections::HashSet;
use std::sync::Arc;

use gateway_snapshot::{Compiled, Difference, ListenerId, Snapshot, difference};
use gateway_upstream::Source;

use super::{Control, lend};
use crate::sockets::{BindError, Listening};
use crate::telemetry;
use crate::worker::Mail;

/// A configuration that is in force.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Its number. The running one's, if nothing changed.
    pub generation: u64,
    /// Its digest.
    pub digest: Arc<str>,
    /// What it changed.
    pub difference: Difference,
}

/// Why a configuration could not be put in force. The one before still serves, untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// An address cannot be listened on.
    #[error("listener {listener}: {source}")]
    Bind {
        /// The listener.
        listener: ListenerId,
        /// What failed.
        source: BindError,
    },
    /// A worker cannot be started.
    #[error("no further worker can be started")]
    Workers(#[source] std::io::Error),
    /// Reading the document ended in a panic.
    #[error("the document could not be read: a defect of the reader, not of the document")]
    Unread(#[source] tokio::task::JoinError),
    /// The gateway is shutting down.
    #[error("the gateway is shutting down")]
    Ended,
}

impl Control {
    /// Puts a configuration in force.
    pub(super) async fn apply(&mut self, compiled: Compiled) -> Result<Applied, ApplyError> {
        let before = Arc::clone(&self.cell.load().generations.live);
        let mut next = compiled.snapshot;
        if next.digest == before.digest && before.generation > 0 {
            let (generation, digest) = (before.generation, Arc::clone(&before.digest));
            return Ok(Applied { generation, digest, difference: Difference::default() });
        }
        next.generation = before.generation + 1;
        let difference = difference(&before, &next);

        let opened = self.open(&difference, &next)?;
        let revived = self.crew.grow(next.workers).await.map_err(ApplyError::Workers)?;
        self.names.first_answers(&next.clusters).await;
        self.widen(&difference, &next).await?;

        let next = Arc::new(next);
        self.table.replace(Source::Static, self.names.clusters(&next.clusters));
        self.publish(Arc::clone(&next));
        self.hand_over(&next, &difference, opened, revived).await;
        self.names.follow(next.clusters.clone());
        Ok(Applied { generation: next.generation, digest: Arc::clone(&next.digest), difference })
    }

    /// Opens what is new, before anything is touched.
    fn open(&self, difference: &Difference, next: &Snapshot) -> Result<Vec<(ListenerId, Listening)>, ApplyError> {
        let ours: HashSet<u16> =
            self.listening.values().flat_map(Listening::addresses).map(|address| address.port()).collect();
        let open = |id: &ListenerId| {
            let listener = next.listeners.get(id)?;
            Some(
                Listening::open(listener.address, next.workers, &ours)
                    .map(|opened| (Arc::clone(id), opened))
                    .map_err(|source| ApplyError::Bind { listener: Arc::clone(id), source }),
            )
        };
        difference.opened.iter().filter_map(open).collect()
    }

    /// Gives every worker a socket of the listeners that stay. The last step that can fail, because the system spreads
    /// connections over these sockets from the moment they are there: where it fails half-way, those there are go to the
    /// workers that serve, so that no connection waits on a socket that nobody accepts on.
    async fn widen(&mut self, difference: &Difference, next: &Snapshot) -> Result<(), ApplyError> {
        let stays = |id: &ListenerId| next.listeners.contains_key(id) && !difference.closed.contains(id);
        let mut widened = Ok(());
        for (id, listening) in self.listening.iter_mut().filter(|(id, _)| stays(id)) {
            let grown = listening.grow(next.workers);
            widened = widened.and(grown.map_err(|source| ApplyError::Bind { listener: Arc::clone(id), source }));
        }
        if widened.is_err() {
            lend(&self.crew, &self.listening, &self.all()).await;
        }
        widened
    }

    fn all(&self) -> Vec<ListenerId> {
        self.listening.keys().map(Arc::clone).collect()
    }

    /// Tells the workers, and lets go of what is no longer used. A worker that was `revived` has no sockets yet.
    async fn hand_over(
        &mut self,
        next: &Snapshot,
        difference: &Difference,
        opened: Vec<(ListenerId, Listening)>,
        revived: bool,
    ) {
        self.crew.tell(|_| Mail::Wake).await;
        for id in &difference.closed {
            self.crew.tell(|_| Mail::Close { id: Arc::clone(id) }).await;
            self.listening.remove(id);
        }
        self.listening.extend(opened);
        self.crew.shrink(next.workers).await;
        let all = revived || difference.workers.is_some();
        let lent = if all { self.all() } else { difference.opened.clone() };
        lend(&self.crew, &self.listening, &lent).await;
        if difference.telemetry {
            self.access_log.redirect(telemetry::destination(&next.telemetry.access_log));
        }
    }
}
