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

        let opened = self.bind(&difference, &next)?;
        self.crew.grow(next.workers).await.map_err(ApplyError::Workers)?;
        self.names.first_answers(&next.clusters).await;

        let next = Arc::new(next);
        self.table.replace(Source::Static, self.names.clusters(&next.clusters));
        self.publish(Arc::clone(&next));
        self.hand_over(&next, &difference, opened).await;
        self.names.follow(next.clusters.clone());
        Ok(Applied { generation: next.generation, digest: Arc::clone(&next.digest), difference })
    }

    /// Opens what is new, before anything is touched.
    fn bind(&mut self, difference: &Difference, next: &Snapshot) -> Result<Vec<(ListenerId, Listening)>, ApplyError> {
        let ours: HashSet<u16> =
            self.listening.values().flat_map(Listening::addresses).map(|address| address.port()).collect();
        let failed = |listener: &ListenerId| {
            let listener = Arc::clone(listener);
            move |source| ApplyError::Bind { listener, source }
        };
        for (id, listening) in &mut self.listening {
            if next.listeners.contains_key(id) {
                listening.grow(next.workers).map_err(failed(id))?;
            }
        }
        let open = |id: &ListenerId| {
            let listener = next.listeners.get(id)?;
            Some(
                Listening::open(listener.address, next.workers, &ours)
                    .map(|opened| (Arc::clone(id), opened))
                    .map_err(failed(id)),
            )
        };
        difference.opened.iter().filter_map(open).collect()
    }

    /// Tells the workers, and lets go of what is no longer used.
    async fn hand_over(&mut self, next: &Snapshot, difference: &Difference, opened: Vec<(ListenerId, Listening)>) {
        self.crew.tell(|_| Mail::Wake).await;
        for id in &difference.closed {
            self.crew.tell(|_| Mail::Close { id: Arc::clone(id) }).await;
            self.listening.remove(id);
        }
        self.listening.extend(opened);
        self.crew.shrink(next.workers).await;
        let all = difference.workers.is_some();
        let lent: Vec<ListenerId> =
            if all { self.listening.keys().map(Arc::clone).collect() } else { difference.opened.clone() };
        lend(&self.crew, &self.listening, &lent).await;
        if difference.telemetry {
            self.access_log.redirect(telemetry::destination(&next.telemetry.access_log));
        }
    }
}
