//! What is registered: nodes by service and id, each with what it said about its service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use crate::model::{Node, Service, VERSION_DEFAULT};
use crate::registry::{Change, RegisterError};
use crate::versions::{self, About};

/// The table. Each change returns what watchers are to be told.
#[derive(Debug)]
pub(super) struct Table {
    /// By name; nodes in order of their first registration.
    services: BTreeMap<String, IndexMap<String, Registration>>,
    /// When leases end, with service and node; one entry for each lease.
    expiries: BTreeSet<(Instant, String, String)>,
    nodes: usize,
    nodes_max: usize,
}

/// One node, and what it said about its service. Nodes of a version may disagree: then the first one counts.
#[derive(Debug)]
struct Registration {
    /// The nodes of a record share it: there may be many, and it may be large.
    about: Arc<About>,
    node: Node,
    lease: Option<Lease>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    ttl: Duration,
    expires: Instant,
}

impl Table {
    pub(super) fn new(nodes_max: usize) -> Table {
        Table { services: BTreeMap::new(), expiries: BTreeSet::new(), nodes: 0, nodes_max }
    }

    /// Puts all nodes of a record in, or none.
    pub(super) fn register(
        &mut self,
        service: Service,
        lease: Option<(Duration, Instant)>,
    ) -> Result<((), Vec<Change>), RegisterError> {
        let Service { name, mut version, metadata, endpoints, nodes } = service;
        if version.is_empty() {
            VERSION_DEFAULT.clone_into(&mut version);
        }
        let known = self.services.get(&name);
        let new = nodes.iter().filter(|node| known.is_none_or(|known| !known.contains_key(&node.id))).count();
        if self.nodes + new > self.nodes_max {
            return Err(RegisterError::Full { max: self.nodes_max });
        }
        let before = self.snapshot(&name);
        let about = Arc::new(About { version, metadata, endpoints });
        for node in nodes {
            let lease = lease.map(|(ttl, expires)| Lease { ttl, expires });
            self.put(&name, Registration { about: Arc::clone(&about), node, lease });
        }
        Ok(((), self.changes_since(&name, &before)))
    }

    /// Extends a lease; says whether there is such a node.
    pub(super) fn extend(&mut self, service: &str, node: &str, now: Instant) -> bool {
        let registration = self.services.get_mut(service).and_then(|nodes| nodes.get_mut(node));
        let Some(registration) = registration.filter(|registration| registration.is_live(now)) else { return false };
        if let Some(lease) = &mut registration.lease
            && let Some(expires) = now.checked_add(lease.ttl)
        {
            let key = (lease.expires, service.to_owned(), node.to_owned());
            lease.expires = expires;
            self.expiries.remove(&key);
            self.expiries.insert((lease.expires, key.1, key.2));
        }
        true
    }

    /// Takes nodes away; says whether there was one of them.
    pub(super) fn remove<'a>(&mut self, service: &str, ids: impl Iterator<Item = &'a str>) -> (bool, Vec<Change>) {
        let before = self.snapshot(service);
        let found = ids.filter(|id| self.take(service, id).is_some()).count() > 0;
        (found, self.changes_since(service, &before))
    }

    /// Takes away what has expired.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Change> {
        let mut ended: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some((expires, service, node)) = self.expiries.pop_first() {
            if expires > now {
                self.expiries.insert((expires, service, node));
                break;
            }
            ended.entry(service).or_default().push(node);
        }
        let mut changes = Vec::new();
        for (service, nodes) in ended {
            tracing::info!(service, ?nodes, "leases ended, nodes are taken out of the registry");
            changes.extend(self.remove(&service, nodes.iter().map(String::as_str)).1);
        }
        changes
    }

    /// Returns when the first lease ends.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(expires, ..)| *expires)
    }

    /// Returns the versions of a service that have a live node, sorted.
    pub(super) fn versions(&self, name: &str, now: Instant) -> Vec<Service> {
        self.services.get(name).map_or_else(Vec::new, |nodes| group(name, nodes, |node| node.is_live(now)))
    }

    /// Returns all services, sorted by name and version.
    pub(super) fn services(&self, now: Instant) -> Vec<Service> {
        self.services.iter().flat_map(|(name, nodes)| group(name, nodes, |node| node.is_live(now))).collect()
    }

    /// All versions of one service, whether expired or not: what watchers were told last.
    fn snapshot(&self, name: &str) -> Vec<Service> {
        self.services.get(name).map_or_else(Vec::new, |nodes| group(name, nodes, |_| true))
    }

    fn changes_since(&self, name: &str, before: &[Service]) -> Vec<Change> {
        let after = self.snapshot(name);
        let gone = before
            .iter()
            .filter(|old| !after.iter().any(|new| new.version == old.version))
            .map(|old| Change::Remove { name: old.name.clone(), version: old.version.clone() });
        let changed = after.iter().filter(|new| !before.contains(new)).cloned().map(Change::Upsert);
        // First what is there, so that a node that changed its version is never missing.
        changed.chain(gone).collect()
    }

    fn put(&mut self, service: &str, registration: Registration) {
        let id = registration.node.id.clone();
        if let Some(lease) = registration.lease {
            self.expiries.insert((lease.expires, service.to_owned(), id.clone()));
        }
        let nodes = self.services.entry(service.to_owned()).or_default();
        match nodes.insert(id.clone(), registration) {
            None => self.nodes += 1,
            Some(Registration { lease: Some(old), .. }) => {
                let new = nodes.get(&id).and_then(|registration| registration.lease);
                if new.is_none_or(|new| new.expires != old.expires) {
                    self.expiries.remove(&(old.expires, service.to_owned(), id));
                }
            }
            Some(_) => {}
        }
    }

    fn take(&mut self, service: &str, id: &str) -> Option<Registration> {
        let nodes = self.services.get_mut(service)?;
        let registration = nodes.shift_remove(id)?;
        self.nodes -= 1;
        if nodes.is_empty() {
            self.services.remove(service);
        }
        if let Some(lease) = registration.lease {
            self.expiries.remove(&(lease.expires, service.to_owned(), id.to_owned()));
        }
        Some(registration)
    }
}

impl Registration {
    fn is_live(&self, now: Instant) -> bool {
        self.lease.is_none_or(|lease| lease.expires > now)
    }
}

/// Makes one record a version of the nodes that are wanted.
fn group(name: &str, nodes: &IndexMap<String, Registration>, wanted: impl Fn(&Registration) -> bool) -> Vec<Service> {
    let wanted = nodes.values().filter(|registration| wanted(registration));
    versions::group(name, wanted.map(|Registration { about, node, .. }| about.of(node)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_of_a_record_share_what_is_said_of_the_service() {
        let mut table = Table::new(8);
        let service = Service::new("s").with_endpoint("Say.Hello");
        let service = service.with_node(Node::new("a", "x:1")).with_node(Node::new("b", "x:2"));
        table.register(service, None).unwrap();
        let abouts: Vec<_> = table.services["s"].values().map(|registration| &registration.about).collect();
        assert_eq!((abouts.len(), abouts[0].endpoints.len()), (2, 1));
        assert!(Arc::ptr_eq(abouts[0], abouts[1]));
    }
}
