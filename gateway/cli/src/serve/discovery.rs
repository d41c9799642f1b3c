//! From a registry to clusters: what is registered becomes what can be called.
//!
//! The registry speaks of versions of services, the gateway of clusters of endpoints: all versions of a name are one
//! cluster, and the version is a label of the endpoint (design 11.6).

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use gateway_upstream::{Cluster, Discover, DiscoverError, Discovered, Endpoint, Protocol, Source};
use indexmap::IndexMap;
use mesh_registry::{Change, Event, Node, Registry, Service, Watch, dialable};

use super::names::Names;

/// A feed of clusters from a registry of this process.
#[derive(Debug)]
pub(super) struct Discovery {
    registry: Arc<dyn Registry>,
    watch: Option<Watch>,
    /// What is registered, by name and version.
    known: Known,
    names: Names,
    /// Changes that are told next: one answer of a name server may concern several clusters.
    next: VecDeque<Discovered>,
}

type Known = BTreeMap<String, BTreeMap<String, Service>>;

impl Discovery {
    /// Returns a feed that begins to watch when it is first asked.
    pub(super) fn of(registry: Arc<dyn Registry>) -> Self {
        Self { registry, watch: None, known: Known::new(), names: Names::default(), next: VecDeque::new() }
    }

    /// Cancel safe: a watch that was begun is kept, and what it or a name server says is taken in without waiting.
    async fn next_change(&mut self) -> Result<Discovered, DiscoverError> {
        loop {
            if let Some(change) = self.next.pop_front() {
                return Ok(change);
            }
            let known = &self.known;
            tokio::select! {
                event = next_event(self.registry.as_ref(), &mut self.watch) => {
                    let change = self.take(event?.change);
                    self.next.push_back(change);
                }
                host = self.names.learned(|host| services_at(known, host).next().is_some()) => {
                    let concerned: Vec<String> = services_at(&self.known, &host).map(str::to_owned).collect();
                    let changes: Vec<Discovered> = concerned.into_iter().map(|service| self.changed(service)).collect();
                    self.next.extend(changes);
                }
            }
        }
    }

    fn take(&mut self, change: Change) -> Discovered {
        match change {
            Change::Resync(services) => {
                self.known.clear();
                for service in services {
                    self.known.entry(service.name.clone()).or_default().insert(service.version.clone(), service);
                }
                let Self { known, names, .. } = self;
                Discovered::Resync(known.iter().map(|(name, versions)| cluster(name, versions, names)).collect())
            }
            Change::Upsert(service) => {
                let name = service.name.clone();
                self.known.entry(name.clone()).or_default().insert(service.version.clone(), service);
                self.changed(name)
            }
            Change::Remove { name, version } => {
                if let Some(versions) = self.known.get_mut(&name) {
                    versions.remove(&version);
                }
                self.changed(name)
            }
            Change::Stale => Discovered::Stale,
        }
    }

    fn changed(&mut self, name: String) -> Discovered {
        match self.known.get(&name) {
            Some(versions) if !versions.is_empty() => {
                let cluster = cluster(&name, versions, &mut self.names);
                tracing::debug!(
                    service = name,
                    endpoints = cluster.endpoints.len(),
                    "a registered service has changed"
                );
                Discovered::Upsert(cluster)
            }
            _ => {
                tracing::debug!(service = name, "a registered service is gone");
                self.known.remove(&name);
                Discovered::Remove(name)
            }
        }
    }
}

impl Discover for Discovery {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Discovered, DiscoverError>> + Send + '_>> {
        Box::pin(self.next_change())
    }
}

/// Waits for the next event; begins to watch first where nothing is watched.
async fn next_event(registry: &dyn Registry, watch: &mut Option<Watch>) -> Result<Event, DiscoverError> {
    let watching = match watch {
        Some(watching) => watching,
        None => watch.insert(registry.watch().await.map_err(|error| DiscoverError(error.to_string()))?),
    };
    if let Some(event) = watching.next().await {
        return Ok(event);
    }
    *watch = None;
    Err(DiscoverError(format!("the watch of the registry {} has ended", registry.origin())))
}

/// The services with a node that is reached by this name.
fn services_at<'k>(known: &'k Known, host: &str) -> impl Iterator<Item = &'k str> {
    let at_host = move |node: &Node| split(&node.address).is_some_and(|(name, _)| name == host);
    known
        .iter()
        .filter(move |(_, versions)| versions.values().flat_map(|service| &service.nodes).any(at_host))
        .map(|(name, _)| name.as_str())
}

fn cluster(name: &str, versions: &BTreeMap<String, Service>, names: &mut Names) -> Cluster {
    let nodes = versions.values().flat_map(|service| service.nodes.iter().map(|node| (&*service.version, node)));
    let endpoints = nodes.flat_map(|(version, node)| endpoints(name, version, node, names)).collect();
    Cluster::new(Source::Registry, name, endpoints)
}

/// The endpoints of a node: one for each of its addresses.
fn endpoints(service: &str, version: &str, node: &Node, names: &mut Names) -> Vec<Endpoint> {
    let address = dialable(&node.address, mesh_registry::Source::Own).unwrap_or_default();
    let addresses: Vec<SocketAddr> = match (address.parse(), split(&address)) {
        (Ok(address), _) => vec![address],
        (Err(_), Some((host, port))) => names.addresses(host).into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
        (Err(_), None) => {
            tracing::warn!(service, node = %node.id, address = %node.address, "a node is left out: its address has no host and port");
            return Vec::new();
        }
    };
    let labels: IndexMap<String, String> = [("id", node.id.as_str()), ("version", version)]
        .into_iter()
        .chain(node.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let (authority, protocol, labels): (Arc<str>, _, _) = (address.into(), protocol(node), Arc::new(labels));
    let endpoint = |address| Endpoint {
        address,
        authority: Arc::clone(&authority),
        protocol,
        weight: 1,
        labels: Arc::clone(&labels),
    };
    addresses.into_iter().map(endpoint).collect()
}

fn protocol(node: &Node) -> Option<Protocol> {
    match node.protocol() {
        Some("grpc") => Some(Protocol::Grpc),
        Some("http") => Some(Protocol::Http),
        Some("mucp") => Some(Protocol::Mucp),
        _ => None, // the handler decides (design 6)
    }
}

/// Splits `host:port`.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let name = !host.is_empty() && !host.contains([':', '[', ']']);
    Some((host, port.parse().ok()?)).filter(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, version: &str, nodes: &[&str]) -> Service {
        let service = Service { version: version.to_owned(), ..Service::new(name) };
        nodes.iter().fold(service, |service, address| {
            service.with_node(Node::new(format!("{name}-{address}"), *address).with("protocol", "grpc"))
        })
    }

    fn addresses(discovered: &Discovered) -> Vec<String> {
        match discovered {
            Discovered::Upsert(cluster) => {
                cluster.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
            }
            other => panic!("{other:?} is no upsert"),
        }
    }

    fn empty() -> Discovery {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        Discovery::of(Arc::new(mesh_registry::Memory::new()))
    }

    #[test]
    fn versions_of_a_name_are_one_cluster() {
        let mut discovery = empty();
        discovery.take(Change::Upsert(service("a", "1", &["10.0.0.1:80"])));
        let both = discovery.take(Change::Upsert(service("a", "2", &["10.0.0.2:80", "10.0.0.3:80"])));
        assert_eq!(addresses(&both), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
        let one = discovery.take(Change::Remove { name: "a".to_owned(), version: "1".to_owned() });
        assert_eq!(addresses(&one), ["10.0.0.2:80", "10.0.0.3:80"]);
        let none = discovery.take(Change::Remove { name: "a".to_owned(), version: "2".to_owned() });
        assert_eq!(none, Discovered::Remove("a".to_owned()));
        assert!(discovery.known.is_empty());
    }

    #[test]
    fn a_resync_forgets_what_it_does_not_name() {
        let mut discovery = empty();
        discovery.take(Change::Upsert(service("a", "1", &["10.0.0.1:80"])));
        let Discovered::Resync(clusters) = discovery.take(Change::Resync(vec![service("b", "1", &[])])) else {
            panic!()
        };
        assert_eq!(clusters.iter().map(|cluster| &*cluster.id.name).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn wildcards_are_loopback_and_what_is_no_address_is_left_out() {
        let mut discovery = empty();
        let found = discovery.take(Change::Upsert(service("a", "1", &["[::]:80", "10.0.0.1", "[::1]:x", "queue"])));
        assert_eq!(addresses(&found), ["127.0.0.1:80"]);
    }

    #[tokio::test]
    async fn names_are_resolved_and_told_once_they_are() {
        let mut discovery = Discovery::of(Arc::new(mesh_registry::Memory::new()));
        assert_eq!(discovery.next_change().await.unwrap(), Discovered::Resync(Vec::new()));
        let registered = service("a", "1", &["localhost:80"]);
        discovery.registry.register(registered, mesh_registry::RegisterOptions::default()).await.unwrap();
        assert!(addresses(&discovery.next_change().await.unwrap()).is_empty(), "its name is asked for");
        let resolved = discovery.next_change().await.unwrap();
        assert_eq!(addresses(&resolved), ["127.0.0.1:80", "[::1]:80"]);
        let Discovered::Upsert(cluster) = resolved else { panic!() };
        assert_eq!(&*cluster.endpoints[0].authority, "localhost:80");
    }

    #[test]
    fn protocol_and_version_belong_to_the_endpoint() {
        let Discovered::Upsert(cluster) = empty().take(Change::Upsert(service("a", "2", &["10.0.0.1:80"]))) else {
            panic!()
        };
        let endpoint = &cluster.endpoints[0];
        assert_eq!(endpoint.protocol, Some(Protocol::Grpc));
        assert_eq!((&*endpoint.labels["version"], &*endpoint.labels["id"]), ("2", "a-10.0.0.1:80"));
    }
}
