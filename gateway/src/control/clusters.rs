//! Host names in the document's clusters: resolved here, again at their time to live, last good kept.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gateway_snapshot::{ClusterSource, HostEndpoint};
use gateway_upstream::{Cluster, Endpoint, HostResolver};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Order;

/// How long a new configuration waits for the names in it. One that has no answer by then starts without addresses.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// A new answer for one name.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The generation of names it belongs to: answers for names of an older configuration are dropped.
    round: u64,
    host: String,
    addresses: Vec<IpAddr>,
}

/// The names of the running configuration and their last good addresses.
#[derive(Debug)]
pub(crate) struct Names {
    resolver: Option<HostResolver>,
    orders: mpsc::WeakSender<Order>,
    known: HashMap<String, Vec<IpAddr>>,
    sources: Vec<ClusterSource>,
    tasks: JoinSet<()>,
    round: u64,
}

impl Names {
    pub(crate) fn new(orders: mpsc::WeakSender<Order>) -> Self {
        let resolver = HostResolver::from_system()
            .inspect_err(|error| {
                tracing::warn!(error = error as &dyn std::error::Error, "host names will not be resolved");
            })
            .ok();
        Self { resolver, orders, known: HashMap::new(), sources: Vec::new(), tasks: JoinSet::new(), round: 0 }
    }

    /// Looks up the names of clusters that are new, for a short time; those known keep their addresses meanwhile.
    pub(crate) async fn first_answers(&mut self, sources: &[ClusterSource]) {
        let Some(resolver) = &self.resolver else { return };
        let mut looking = JoinSet::new();
        for host in hosts(sources).filter(|host| !self.known.contains_key(*host)) {
            let (resolver, host) = (resolver.clone(), host.to_owned());
            looking.spawn(async move { (resolver.resolve(&host).await, host) });
        }
        let known = &mut self.known;
        let all = async {
            while let Some(answer) = looking.join_next().await {
                match answer {
                    Ok((Ok(answer), host)) => drop(known.insert(host, answer.addresses)),
                    Ok((Err(error), host)) => {
                        tracing::warn!(%host, error = &error as &dyn std::error::Error, "a host name has no address yet");
                    }
                    Err(error) => tracing::error!(%error, "a look-up failed"),
                }
            }
        };
        if tokio::time::timeout(FIRST_ANSWER, all).await.is_err() {
            tracing::warn!("some host names have no address yet; their services start without");
        }
    }

    /// Takes over the clusters of the new configuration, and keeps asking for their names from now on.
    pub(crate) fn follow(&mut self, sources: Vec<ClusterSource>) {
        self.round += 1;
        self.tasks = JoinSet::new(); // dropping the old ones ends them
        self.sources = sources;
        self.known.retain(|host, _| hosts(&self.sources).any(|known| known == host));
        let Some(resolver) = &self.resolver else { return };
        for host in hosts(&self.sources).map(str::to_owned).collect::<std::collections::BTreeSet<_>>() {
            self.tasks.spawn(ask_again(resolver.clone(), host, self.round, self.orders.clone()));
        }
    }

    /// Returns the clusters of the document with the addresses that are known.
    pub(crate) fn clusters(&self, sources: &[ClusterSource]) -> Vec<Cluster> {
        sources.iter().map(|source| self.cluster(source)).collect()
    }

    /// Takes an answer; returns the clusters that it concerns, as they are now.
    pub(crate) fn learn(&mut self, resolved: Resolved) -> Vec<Cluster> {
        if resolved.round != self.round {
            return Vec::new();
        }
        let Resolved { host, addresses, .. } = resolved;
        self.known.insert(host.clone(), addresses);
        let concerned = |source: &&ClusterSource| source.hosts.iter().any(|endpoint| endpoint.host == host);
        self.sources.iter().filter(concerned).map(|source| self.cluster(source)).collect()
    }

    fn cluster(&self, source: &ClusterSource) -> Cluster {
        let mut cluster = source.cluster.clone();
        for host in &source.hosts {
            let addresses = self.known.get(&host.host).map(Vec::as_slice).unwrap_or_default();
            cluster.endpoints.extend(addresses.iter().map(|&address| endpoint(source, host, address)));
        }
        cluster
    }
}

fn hosts(sources: &[ClusterSource]) -> impl Iterator<Item = &str> {
    sources.iter().flat_map(|source| &source.hosts).map(|endpoint| endpoint.host.as_str())
}

fn endpoint(source: &ClusterSource, host: &HostEndpoint, address: IpAddr) -> Endpoint {
    Endpoint {
        address: SocketAddr::new(address, host.port),
        authority: format!("{}:{}", host.host, host.port).into(),
        protocol: source.protocol,
        weight: host.weight,
        labels: Arc::default(),
    }
}

/// Asks for one name for as long as it is polled and the control plane lives.
async fn ask_again(resolver: HostResolver, host: String, round: u64, orders: mpsc::WeakSender<Order>) {
    loop {
        let pause = match resolver.resolve(&host).await {
            Ok(answer) => {
                let resolved = Resolved { round, host: host.clone(), addresses: answer.addresses };
                let Some(orders) = orders.upgrade() else { return };
                if orders.send(Order::Resolved(resolved)).await.is_err() {
                    return;
                }
                answer.ask_again_in
            }
            Err(error) => {
                tracing::warn!(%host, error = &error as &dyn std::error::Error, "a host name cannot be resolved; its last addresses stay");
                error.ask_again_in()
            }
        };
        tokio::time::sleep(pause).await;
    }
}
