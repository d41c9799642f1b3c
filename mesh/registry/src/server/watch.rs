//! A watch that is served: whoever looks, and how it ends.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::told::{Action, Told};
use super::{Door, WATCHES_MAX};
use crate::model::Service;
use crate::registry::{Unavailable, Watch, WatchError};

/// Why there is no watch.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoWatch {
    /// There are too many.
    #[error("there are {WATCHES_MAX} watches already")]
    TooMany,
    /// The back end does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The changes of a registry as go-micro's watchers expect them.
#[derive(Debug)]
pub(super) struct Changes {
    watch: Watch,
    told: Told,
    next: VecDeque<(Action, Service)>,
    shutdown: CancellationToken,
    /// One of those that may be open.
    _permit: OwnedSemaphorePermit,
}

impl Changes {
    /// Begins a watch. All that is there comes first, as created.
    pub(super) async fn begin(door: &Door) -> Result<Changes, NoWatch> {
        let permit = Arc::clone(&door.watches).try_acquire_owned().map_err(|_| NoWatch::TooMany)?;
        let watch = door.registry.watch().await.map_err(|WatchError::Unavailable(error)| error)?;
        let shutdown = door.shutdown.clone();
        Ok(Changes { watch, told: Told::default(), next: VecDeque::new(), shutdown, _permit: permit })
    }

    /// Takes what is there as known, so that only changes are told.
    pub(super) async fn skip_known(&mut self) {
        if let Some(event) = self.watch.next().await {
            drop(self.told.take(event.change));
        }
    }

    /// Waits for the next; `None` when the registry ends. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<(Action, Service)> {
        loop {
            if let Some(next) = self.next.pop_front() {
                return Some(next);
            }
            let event = tokio::select! {
                () = self.shutdown.cancelled() => return None,
                event = self.watch.next() => event?,
            };
            self.next.extend(self.told.take(event.change));
        }
    }
}
