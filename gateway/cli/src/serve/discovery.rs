//! From registries to clusters: what is registered becomes what can be called.
//!
//! A registry speaks of versions of services, the gateway of clusters of endpoints: all versions of a name, in all
//! registries, are one cluster, and the version is a label of the endpoint (design 11.6).

mod endpoints;
mod feeds;
mod merged;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use gateway_upstream::{Cluster, Discover, DiscoverError, Discovered, Source};
use tokio::sync::watch;

use super::registries::InUse;
use endpoints::Endpoints;
use feeds::Feeds;
use merged::{Concerned, Merged};

/// A feed of clusters from the registries in use.
#[derive(Debug)]
pub(super) struct Discovery {
    in_use: watch::Receiver<Vec<InUse>>,
    feeds: Feeds,
    known: Merged,
    endpoints: Endpoints,
    /// Changes that are told next: one answer of a name server may concern several clusters.
    next: VecDeque<Discovered>,
}

impl Discovery {
    /// Returns a feed from these registries, which are watched once it is asked. When others take their place, what was
    /// known stays until they have told what they know.
    pub(super) fn of(mut in_use: watch::Receiver<Vec<InUse>>) -> Self {
        in_use.mark_changed();
        let (feeds, known, endpoints) = (Feeds::new(), Merged::default(), Endpoints::default());
        Self { in_use, feeds, known, endpoints, next: VecDeque::new() }
    }

    /// Cancel safe: what a registry or a name server says is taken in without waiting.
    async fn next_change(&mut self) -> Discovered {
        loop {
            if let Some(change) = self.next.pop_front() {
                return change;
            }
            let known = &self.known;
            tokio::select! {
                () = changed(&mut self.in_use) => self.follow(),
                (feed, change) = self.feeds.next() => {
                    let concerned = self.known.take(feed, change);
                    self.tell(concerned);
                }
                host = self.endpoints.learned(known) => {
                    for service in endpoints::services_at(&self.known, &host) {
                        self.tell(Concerned::One(service));
                    }
                }
            }
        }
    }

    fn follow(&mut self) {
        let in_use = self.in_use.borrow_and_update();
        let sources = in_use.iter().map(|in_use| in_use.source);
        let concerned = self.known.follow(self.feeds.follow(&in_use).into_iter().zip(sources));
        drop(in_use);
        self.tell(concerned);
    }

    fn tell(&mut self, concerned: Concerned) {
        match concerned {
            Concerned::All => {
                let Self { known, endpoints, .. } = self;
                let cluster = |name: &str| cluster(name, known, endpoints);
                self.next.push_back(Discovered::Resync(known.names().into_iter().map(cluster).collect()));
                self.next.extend(self.known.is_stale().then_some(Discovered::Stale));
            }
            Concerned::One(name) => {
                let change = self.changed(name);
                self.next.push_back(change);
            }
            Concerned::Stale => self.next.push_back(Discovered::Stale),
            Concerned::Nobody => {}
        }
    }

    fn changed(&mut self, name: String) -> Discovered {
        if !self.known.has(&name) {
            tracing::debug!(service = name, "a registered service is gone");
            return Discovered::Remove(name);
        }
        let cluster = cluster(&name, &self.known, &mut self.endpoints);
        tracing::debug!(service = name, endpoints = cluster.endpoints.len(), "a registered service has changed");
        Discovered::Upsert(cluster)
    }
}

impl Discover for Discovery {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Discovered, DiscoverError>> + Send + '_>> {
        Box::pin(async { Ok(self.next_change().await) })
    }

    fn suspect(&mut self, cluster: &str) {
        for in_use in self.in_use.borrow().iter() {
            in_use.registry.suspect(cluster);
        }
    }
}

fn cluster(name: &str, known: &Merged, endpoints: &mut Endpoints) -> Cluster {
    let endpoints = known.nodes(name).into_iter().flat_map(|known| endpoints.of(name, known)).collect();
    Cluster::new(Source::Registry, name, endpoints)
}

/// Waits until other registries are in use; for ever once nobody can choose any.
async fn changed(in_use: &mut watch::Receiver<Vec<InUse>>) {
    if in_use.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
