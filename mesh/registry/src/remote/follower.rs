//! One watcher of a remote registry.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::client::Client;
use crate::back_off;
use crate::known::Known;
use crate::registry::{Change, Unavailable};

/// How often everything is read again.
const RESYNC_INTERVAL: Duration = Duration::from_secs(15);

/// How long to wait after the first failure; doubles up to [`RESYNC_INTERVAL`].
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// One watcher: what it has been told, and what it is to be told.
pub(super) struct Follower {
    client: Arc<Client>,
    known: Known,
    next: VecDeque<Change>,
    failures: u32,
}

impl Follower {
    /// Reads everything.
    pub(super) async fn begin(client: Arc<Client>) -> Result<Follower, Unavailable> {
        let services = client.list().await?;
        let mut known = Known::default();
        known.replace_all(services);
        let next = VecDeque::from([Change::Resync(known.services().cloned().collect())]);
        Ok(Follower { client, known, next, failures: 0 })
    }

    /// Waits for the next change. Cancel safe: what was read and not told stays.
    pub(super) async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.next.pop_front() {
                return change;
            }
            let pause = match self.failures {
                0 => RESYNC_INTERVAL,
                failures => back_off::pause(failures, RETRY_PAUSE, RESYNC_INTERVAL),
            };
            sleep(pause).await;
            match self.client.list().await {
                Ok(services) => {
                    let changes = self.known.replace_all(services);
                    if std::mem::take(&mut self.failures) > 0 {
                        tracing::info!("the remote registry answers again");
                        self.next.push_back(Change::Resync(self.known.services().cloned().collect()));
                    } else {
                        self.next.extend(changes);
                    }
                }
                Err(error) => {
                    if self.failures == 0 {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the remote registry does not answer; what is known stays");
                        self.next.push_back(Change::Stale);
                    }
                    self.failures = self.failures.saturating_add(1);
                }
            }
        }
    }
}
