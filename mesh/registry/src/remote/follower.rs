//! One watcher of a remote registry: what its stream tells is a reason to ask, never an answer.
//!
//! The real `micro registry` tells only what was registered, not how a service is now; it tells nothing of leases that
//! ended, and drops events for slow watchers. So a name that is told is asked for, and all is read again from time to
//! time. Duplicates, gaps and another order then do no harm.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesh_rpc::client::Stream;
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use crate::back_off;
use crate::known::Known;
use crate::registry::{Change, Unavailable};

/// How often everything is read again.
const RESYNC_INTERVAL: Duration = Duration::from_secs(15);

/// How soon it is read again after a stream began: when the other side has taken it is not told.
const SETTLE: Duration = Duration::from_secs(1);

/// How long to wait after the first failure; doubles up to [`RESYNC_INTERVAL`].
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How many names may be told before all is read instead of each.
const NAMES_MAX: usize = 16;

/// One watcher: what it has been told, and what it is to be told.
pub(super) struct Follower {
    client: Arc<Client>,
    /// The watch of the other side, as long as it lasts.
    stream: Option<Stream>,
    known: Known,
    next: VecDeque<Change>,
    /// Names that were told and not asked for yet.
    told: BTreeSet<String>,
    /// When everything is read again.
    due: Instant,
    failures: u32,
}

impl Follower {
    /// Begins a watch and reads everything.
    pub(super) async fn begin(client: Arc<Client>) -> Result<Follower, Unavailable> {
        let stream = client.watch().await.ok();
        let services = client.list().await?;
        let mut known = Known::default();
        drop(known.replace_all(services));
        let next = VecDeque::from([Change::Resync(known.services().cloned().collect())]);
        let due = Instant::now() + SETTLE;
        Ok(Follower { client, stream, known, next, told: BTreeSet::new(), due, failures: 0 })
    }

    /// Waits for the next change. Cancel safe: what was told and not asked for stays.
    pub(super) async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.next.pop_front() {
                return change;
            }
            if let Some(name) = self.told.first().cloned() {
                self.ask(name).await;
                continue;
            }
            tokio::select! {
                told = told(&mut self.stream) => self.hear(told),
                () = sleep_until(self.due) => self.read_all().await,
            }
        }
    }

    /// Takes in what the stream says: a name, or that it has ended.
    fn hear(&mut self, told: Option<String>) {
        match told {
            Some(name) if self.told.len() < NAMES_MAX => {
                self.told.insert(name);
            }
            Some(_) => {
                self.told.clear();
                self.due = Instant::now();
            }
            None => {
                self.stream = None;
                // Soon, but not at once: it may end whenever it is begun.
                self.due = self.due.min(Instant::now() + back_off::pause(1, SETTLE, SETTLE));
            }
        }
    }

    async fn ask(&mut self, name: String) {
        match self.client.get(&name).await {
            Ok(versions) => self.next.extend(self.known.replace(&name, versions)),
            Err(_) => self.due = Instant::now(), // which says what is wrong
        }
        self.told.remove(&name);
    }

    async fn read_all(&mut self) {
        if self.stream.is_none() {
            self.stream = self.client.watch().await.ok();
            self.due = Instant::now() + SETTLE;
        } else {
            self.due = Instant::now() + RESYNC_INTERVAL;
        }
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
                self.stream = None;
                self.due = Instant::now() + back_off::pause(self.failures, RETRY_PAUSE, RESYNC_INTERVAL);
            }
        }
    }
}

/// Waits for a name; `None` when the stream has ended. Waits for ever where there is none. Cancel safe.
async fn told(stream: &mut Option<Stream>) -> Option<String> {
    let Some(stream) = stream else { return std::future::pending().await };
    loop {
        let result = stream.receive::<proto::registry::Result>().await.ok()??;
        if let Some(service) = result.service {
            return Some(service.name);
        }
    }
}
