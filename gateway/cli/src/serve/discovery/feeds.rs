//! The watches of all registries in use: a task for each, one queue for what they say.

use std::sync::Arc;
use std::time::Duration;

use mesh_registry::{Change, Registry};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::serve::registries::InUse;

/// How many changes may wait. A registry that has more to say waits, and tells less often then.
const CHANGES: usize = 64;

/// How long to wait before a registry is asked again to be watched.
const PAUSE: Duration = Duration::from_secs(1);

/// One watch of one registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeedId(pub(super) u64);

/// The watches. Dropping them ends them.
#[derive(Debug)]
pub(super) struct Feeds {
    running: Vec<Feed>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<(FeedId, Change)>,
    changes: mpsc::Receiver<(FeedId, Change)>,
    begun: u64,
}

#[derive(Debug)]
struct Feed {
    id: FeedId,
    of: InUse,
    task: AbortHandle,
}

impl Feeds {
    pub(super) fn new() -> Self {
        let (sender, changes) = mpsc::channel(CHANGES);
        Self { running: Vec::new(), tasks: JoinSet::new(), sender, changes, begun: 0 }
    }

    /// Watches these and no others, and returns the watch of each. One that is watched already goes on.
    pub(super) fn follow(&mut self, registries: &[InUse]) -> Vec<FeedId> {
        let mut before = std::mem::take(&mut self.running);
        for of in registries {
            let feed = match before.iter().position(|feed| feed.of == *of) {
                Some(at) => before.swap_remove(at),
                None => self.begin(of.clone()),
            };
            self.running.push(feed);
        }
        for feed in before {
            feed.task.abort();
        }
        self.running.iter().map(|feed| feed.id).collect()
    }

    /// Waits for the next change; also of a watch that has ended since. Cancel safe.
    pub(super) async fn next(&mut self) -> (FeedId, Change) {
        self.changes.recv().await.expect("a sender is kept here")
    }

    fn begin(&mut self, of: InUse) -> Feed {
        while self.tasks.try_join_next().is_some() {} // those that were aborted
        self.begun += 1;
        let id = FeedId(self.begun);
        let task = self.tasks.spawn(watch(id, Arc::clone(&of.registry), self.sender.clone()));
        Feed { id, of, task }
    }
}

/// Watches a registry for ever: when the watch cannot begin or ends, again.
async fn watch(id: FeedId, registry: Arc<dyn Registry>, changes: mpsc::Sender<(FeedId, Change)>) {
    let mut is_stale = false;
    loop {
        let reason = match registry.watch().await {
            Ok(mut watch) => {
                is_stale = false;
                while let Some(event) = watch.next().await {
                    if changes.send((id, event.change)).await.is_err() {
                        return;
                    }
                }
                "its watch has ended".to_owned()
            }
            Err(error) => error.to_string(),
        };
        if !is_stale {
            let registry = registry.origin();
            tracing::warn!(%registry, reason, "a registry cannot be watched; what is known stays, and it is tried again");
            is_stale = true;
            if changes.send((id, Change::Stale)).await.is_err() {
                return;
            }
        }
        sleep(PAUSE).await;
    }
}
