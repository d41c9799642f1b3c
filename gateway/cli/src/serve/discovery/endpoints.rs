//! From a registered node to the endpoints that it is called at.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_upstream::{Endpoint, Protocol};
use indexmap::IndexMap;
use mesh_registry::{Node, dialable};

use super::merged::{Known, Merged};
use crate::serve::names::Names;

/// How many nodes are remembered as left out, so that each is spoken of once.
const LEFT_OUT_MAX: usize = 1024;

/// What is known of addresses.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    names: Names,
    /// Nodes that were spoken of, by service, id and address.
    left_out: HashSet<(String, String, String)>,
}

impl Endpoints {
    /// Returns the endpoints of a node, one for each of its addresses. Of a name that is not resolved yet there are
    /// none: [`Endpoints::learned`] says when there are.
    pub(super) fn of(&mut self, service: &str, known: Known<'_>) -> Vec<Endpoint> {
        let node = known.node;
        let Some(address) = dialable(&node.address, known.source) else {
            self.leave_out(service, node, "its address names no host, and where it is nobody knows");
            return Vec::new();
        };
        let addresses: Vec<SocketAddr> = match (address.parse(), split(&address)) {
            (Ok(address), _) => vec![address],
            (Err(_), Some((host, port))) => {
                self.names.addresses(host).into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
            }
            (Err(_), None) => {
                self.leave_out(service, node, "its address has no host and port");
                return Vec::new();
            }
        };
        let labels: IndexMap<String, String> = [("id", node.id.as_str()), ("version", known.version)]
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

    /// Waits for a host name of a known node whose addresses are new. Cancel safe.
    pub(super) async fn learned(&mut self, known: &Merged) -> String {
        self.names.learned(|host| !services_at(known, host).is_empty()).await
    }

    fn leave_out(&mut self, service: &str, node: &Node, reason: &'static str) {
        let key = (service.to_owned(), node.id.clone(), node.address.clone());
        if self.left_out.len() < LEFT_OUT_MAX && self.left_out.insert(key) {
            tracing::warn!(service, node = node.id, address = node.address, reason, "a node is left out");
        }
    }
}

/// Returns the services with a node that is reached by this name.
pub(super) fn services_at(known: &Merged, host: &str) -> BTreeSet<String> {
    let at_host = |node: &Node| split(&node.address).is_some_and(|(name, _)| name == host);
    known.all_nodes().filter(|(_, node)| at_host(node)).map(|(name, _)| name.to_owned()).collect()
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
