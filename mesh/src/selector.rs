//! Which node is called: where nodes come from, what is left of them, and in which order they are tried.

mod dns;

use mesh_registry::{Node, Registry, Service, Source, dialable};

use crate::error::CallError;
use crate::protocol::Protocol;

/// Where the nodes of a service come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// The registry.
    Registry(Strategy),
    /// DNS: the service is `host:port`, or a name whose SRV record is `_name._tcp.local`.
    Dns,
    /// Nowhere: the service is an address.
    Static,
}

/// The order in which the nodes of a service are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Any order. In Go a retry may hit the node that has just failed; here it takes another one while there is one.
    #[default]
    Random,
    /// That of the registry, from a random place on.
    RoundRobin,
}

impl Default for Selector {
    fn default() -> Selector {
        Selector::Registry(Strategy::default())
    }
}

/// What a node or its version must have to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// A version that lists this endpoint.
    Endpoint(String),
    /// This version.
    Version(String),
    /// A node with this label: key and value.
    Label(String, String),
}

impl Filter {
    /// Takes out what does not have it.
    fn apply(&self, services: &mut Vec<Service>) {
        match self {
            Filter::Endpoint(name) => {
                services.retain(|service| service.endpoints.iter().any(|endpoint| endpoint.name == *name));
            }
            Filter::Version(version) => services.retain(|service| service.version == *version),
            Filter::Label(key, value) => {
                for service in &mut *services {
                    service.nodes.retain(|node| node.metadata.get(key) == Some(value));
                }
                services.retain(|service| !service.nodes.is_empty());
            }
        }
    }
}

/// A node to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// `host:port`.
    pub(crate) address: String,
    /// What its labels say.
    pub(crate) protocol: Option<Protocol>,
}

impl Candidate {
    /// Returns the node at an address of which nothing else is known.
    pub(crate) fn at(address: impl Into<String>) -> Candidate {
        Candidate { address: address.into(), protocol: None }
    }

    fn of(node: &Node, source: Source) -> Option<Candidate> {
        let address = dialable(&node.address, source).map(std::borrow::Cow::into_owned);
        if address.is_none() {
            tracing::warn!(
                node = node.id,
                address = node.address,
                "a node cannot be dialled: its address names no host"
            );
        }
        Some(Candidate { address: address?, protocol: Protocol::of(node) })
    }
}

/// The nodes of one call, in the order in which they are tried, again and again. Never empty.
#[derive(Debug)]
pub(crate) struct Candidates {
    all: Vec<Candidate>,
    at: usize,
}

impl Candidates {
    /// Returns the one candidate.
    pub(crate) fn one(candidate: Candidate) -> Candidates {
        Candidates { all: vec![candidate], at: 0 }
    }

    fn of(service: &str, all: Vec<Candidate>) -> Result<Candidates, CallError> {
        if all.is_empty() {
            Err(CallError::selecting(service, "none available"))
        } else {
            Ok(Candidates { all, at: 0 })
        }
    }

    /// Returns the next one.
    pub(crate) fn next(&mut self) -> &Candidate {
        let at = self.at;
        self.at = (at + 1) % self.all.len();
        &self.all[at]
    }
}

/// Chooses the nodes of a service.
pub(crate) async fn select(
    selector: Selector,
    registry: &dyn Registry,
    service: &str,
    filters: &[Filter],
) -> Result<Candidates, CallError> {
    match selector {
        Selector::Static => Ok(Candidates::one(Candidate::at(service))),
        Selector::Dns => {
            let mut all = dns::look_up(service).await.map_err(|error| CallError::selecting(service, error))?;
            fastrand::shuffle(&mut all);
            Candidates::of(service, all)
        }
        Selector::Registry(strategy) => {
            let mut services = registry.get(service).await.map_err(|error| CallError::of_registry(service, &error))?;
            for filter in filters {
                filter.apply(&mut services);
            }
            let nodes = services.iter().flat_map(|service| &service.nodes);
            let mut all: Vec<Candidate> = nodes.filter_map(|node| Candidate::of(node, registry.source())).collect();
            match strategy {
                Strategy::Random => fastrand::shuffle(&mut all),
                Strategy::RoundRobin => {
                    let from = fastrand::usize(..all.len().max(1));
                    all.rotate_left(from);
                }
            }
            Candidates::of(service, all)
        }
    }
}

#[cfg(test)]
mod tests {
    use mesh_registry::{Memory, Node, RegisterOptions, Registry, Service};

    use super::{Filter, Selector, Strategy, select};

    async fn registry() -> Memory {
        let registry = Memory::new();
        let version = |version: &str, node: Node| Service {
            version: version.to_owned(),
            ..Service::new("greeter").with_node(node).with_endpoint(format!("Say.V{version}"))
        };
        for service in [
            version("1", Node::new("a", "127.0.0.1:1").with("zone", "x")),
            version("1", Node::new("b", "127.0.0.1:2")),
            version("2", Node::new("c", "127.0.0.1:3").with("zone", "x")),
        ] {
            registry.register(service, RegisterOptions::default()).await.expect("is valid");
        }
        registry
    }

    /// Returns the ports of the nodes that are left, sorted.
    async fn ports(filters: &[Filter]) -> Vec<String> {
        let registry = registry().await;
        let chosen = select(Selector::default(), &registry, "greeter", filters).await;
        let mut all = chosen.map(|chosen| chosen.all).unwrap_or_default();
        all.sort_by(|one, other| one.address.cmp(&other.address));
        all.into_iter().map(|candidate| candidate.address.replace("127.0.0.1:", "")).collect()
    }

    #[tokio::test]
    async fn filters_leave_what_has_what_they_ask_for() {
        let label = || Filter::Label("zone".to_owned(), "x".to_owned());
        assert_eq!(ports(&[]).await, ["1", "2", "3"]);
        assert_eq!(ports(&[Filter::Version("1".to_owned())]).await, ["1", "2"]);
        assert_eq!(ports(&[Filter::Endpoint("Say.V2".to_owned())]).await, ["3"]);
        assert_eq!(ports(&[label()]).await, ["1", "3"]);
        assert_eq!(ports(&[label(), Filter::Version("2".to_owned())]).await, ["3"]);
        assert!(ports(&[Filter::Version("3".to_owned())]).await.is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_chosen_is_said_in_the_words_of_go() {
        let registry = registry().await;
        let fail = async |name: &str, filters: &[Filter]| {
            let chosen = select(Selector::default(), &registry, name, filters).await;
            chosen.expect_err("there is none").to_rpc().detail
        };
        assert_eq!(fail("nobody", &[]).await, "service nobody: not found");
        let none = fail("greeter", &[Filter::Version("3".to_owned())]).await;
        assert_eq!(none, "error selecting greeter node: none available");
    }

    #[tokio::test]
    async fn every_node_is_tried_before_one_is_tried_again() {
        let registry = registry().await;
        for strategy in [Strategy::Random, Strategy::RoundRobin] {
            let chosen = select(Selector::Registry(strategy), &registry, "greeter", &[]).await;
            let mut candidates = chosen.expect("there are nodes");
            let mut round = || (0..3).map(|_| candidates.next().address.clone()).collect::<Vec<_>>();
            let first = round();
            assert_eq!(first, round(), "the second round is as the first");
            let distinct: std::collections::BTreeSet<_> = first.into_iter().collect();
            assert_eq!(distinct.len(), 3);
        }
    }

    #[tokio::test]
    async fn a_static_service_is_an_address() {
        let mut chosen = select(Selector::Static, &Memory::new(), "a:1", &[]).await.expect("is not looked up");
        assert_eq!(chosen.next().address, "a:1");
    }
}
