//! What is known: services, their nodes, and how long each has been silent.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::round::{Round, SILENT_MAX};
use crate::dialable::{Source, dialable};
use crate::model::{Endpoint, Metadata, Node, Service};
use crate::registry::Change;
use crate::versions::{self, Member};

/// The table. It remembers which versions changed until [`Table::changes`] is asked.
#[derive(Debug)]
pub(super) struct Table {
    services: BTreeMap<String, Known>,
    nodes: usize,
    limits: Limits,
    /// Service and version.
    changed: BTreeSet<(String, String)>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most nodes of all services together.
    pub(super) nodes: usize,
    /// The most services.
    pub(super) services: usize,
}

/// One service.
#[derive(Debug, Default)]
struct Known {
    round: Round,
    /// In order of their first answer.
    nodes: IndexMap<String, Seen>,
}

/// One node.
#[derive(Debug)]
struct Seen {
    version: String,
    metadata: Metadata,
    endpoints: Vec<Endpoint>,
    /// With the address to dial.
    node: Node,
    /// The address as it was said.
    said: String,
    /// How many questions it has not answered; `None`: a node of this process, which is not asked for.
    silent: Option<u8>,
}

/// What became of a node that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It is in the table.
    Kept,
    /// There is no room for it.
    Full,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Table {
        Table { services: BTreeMap::new(), nodes: 0, limits, changed: BTreeSet::new() }
    }

    /// Returns how much is kept.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Begins to ask for a service, unless it is asked for; says whether there is room for it.
    pub(super) fn begin(&mut self, service: &str, now: Instant) -> bool {
        if !self.services.contains_key(service) && self.services.len() >= self.limits.services {
            return false;
        }
        self.services.entry(service.to_owned()).or_default().round.begin(now);
        true
    }

    /// Returns whether a service is asked for.
    pub(super) fn is_asked(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|known| known.round.is_asked())
    }

    /// Returns whether the first answers for a service had their time; so they had for one that is not known.
    pub(super) fn is_settled(&self, service: &str) -> bool {
        self.services.get(service).is_none_or(|known| known.round.is_settled())
    }

    /// Returns whether all are settled that are asked for.
    pub(super) fn all_settled(&self) -> bool {
        self.services.values().all(|known| known.round.is_settled() || !known.round.is_asked())
    }

    /// Returns the times of a service.
    pub(super) fn round(&mut self, service: &str) -> Option<&mut Round> {
        Some(&mut self.services.get_mut(service)?.round)
    }

    /// Takes note that a service was asked for.
    pub(super) fn ask(&mut self, service: &str, now: Instant, interval: Duration) {
        let Some(known) = self.services.get_mut(service) else { return };
        known.round.ask(now, known.nodes.is_empty(), interval);
        for silent in known.nodes.values_mut().filter_map(|seen| seen.silent.as_mut()) {
            *silent = silent.saturating_add(1);
        }
    }

    /// Takes note that the question could not be sent.
    pub(super) fn unsent(&mut self, service: &str, now: Instant) {
        let Some(known) = self.services.get_mut(service) else { return };
        known.round.unsent(now);
        for silent in known.nodes.values_mut().filter_map(|seen| seen.silent.as_mut()) {
            *silent = silent.saturating_sub(1);
        }
    }

    /// Drops the nodes that were silent too often, and the service if none is left.
    pub(super) fn judge(&mut self, service: &str, interval: Duration) {
        let Some(known) = self.services.get_mut(service) else { return };
        let calm = known.nodes.values().all(|seen| seen.silent.unwrap_or(0) == 0);
        known.round.judge(calm, interval);
        let is_gone = |seen: &Seen| seen.silent.is_some_and(|silent| silent >= SILENT_MAX);
        let gone: Vec<String> =
            known.nodes.iter().filter(|(_, seen)| is_gone(seen)).map(|(id, _)| id.clone()).collect();
        let forgotten = known.round.is_silent() && known.nodes.len() == gone.len();
        if !gone.is_empty() {
            tracing::info!(service, nodes = ?gone, "nodes answer no more on mdns, they are taken out");
        }
        for id in gone {
            self.take(service, &id);
        }
        if forgotten {
            self.services.remove(service);
        }
    }

    /// Puts in a node that answered or announced itself from that host.
    pub(super) fn hear(&mut self, service: Service, source: IpAddr, interval: Duration) -> Put {
        let Service { name, version, endpoints, nodes, .. } = service;
        let (Some(node), Some(known)) = (nodes.into_iter().next(), self.services.get_mut(&name)) else {
            return Put::Kept;
        };
        known.round.hear(interval);
        if let Some(seen) = known.nodes.get_mut(&node.id) {
            let Some(silent) = &mut seen.silent else { return Put::Kept };
            *silent = 0;
            if seen.version == version
                && seen.said == node.address
                && seen.node.metadata == node.metadata
                && seen.endpoints == endpoints
            {
                // One that is heard from several hosts stays at the first.
                return Put::Kept;
            }
        } else if self.nodes >= self.limits.nodes {
            return Put::Full;
        }
        let Some(address) = dial(&node.address, source) else { return Put::Kept };
        let (said, metadata) = (node.address, Metadata::new());
        let node = Node { address, ..node };
        self.put(&name, Seen { version, metadata, endpoints, node, said, silent: Some(0) });
        Put::Kept
    }

    /// Puts in a node of this process.
    pub(super) fn own(&mut self, service: &Service, node: &Node) {
        let address = dialable(&node.address, Source::Own).map_or_else(String::new, Cow::into_owned);
        let seen = Seen {
            version: service.version.clone(),
            metadata: service.metadata.clone(),
            endpoints: service.endpoints.clone(),
            node: Node { address, ..node.clone() },
            said: node.address.clone(),
            silent: None,
        };
        self.put(&service.name, seen);
    }

    /// Takes out a node of this process.
    pub(super) fn disown(&mut self, service: &str, node: &str) {
        self.take(service, node);
        if self.services.get(service).is_some_and(|known| known.nodes.is_empty() && !known.round.is_asked()) {
            self.services.remove(service);
        }
    }

    /// Takes out a node that said goodbye. Nobody else can say that for one of this process.
    pub(super) fn part(&mut self, service: &str, node: &str) {
        let seen = self.services.get(service).and_then(|known| known.nodes.get(node));
        if seen.is_some_and(|seen| seen.silent.is_some()) {
            self.take(service, node);
        }
    }

    /// Returns the versions of a service, sorted.
    pub(super) fn versions(&self, service: &str) -> Vec<Service> {
        self.services.get(service).map_or_else(Vec::new, |known| known.versions(service))
    }

    /// Returns all services, sorted by name and version.
    pub(super) fn services(&self) -> Vec<Service> {
        self.services.iter().flat_map(|(name, known)| known.versions(name)).collect()
    }

    /// Returns what changed since it was asked last.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut removals = Vec::new();
        let mut versions: Option<(String, Vec<Service>)> = None;
        for (name, version) in std::mem::take(&mut self.changed) {
            // Those of one service follow one another.
            if versions.as_ref().is_none_or(|(of, _)| *of != name) {
                versions = Some((name.clone(), self.versions(&name)));
            }
            let all = versions.as_mut().map(|(_, all)| all);
            match all.and_then(|all| Some(all.swap_remove(all.iter().position(|one| one.version == version)?))) {
                Some(service) => changes.push(Change::Upsert(service)),
                None => removals.push(Change::Remove { name, version }),
            }
        }
        // First what is there, so that a node that changed its version is never missing.
        changes.append(&mut removals);
        changes
    }

    fn put(&mut self, service: &str, seen: Seen) {
        self.changed.insert((service.to_owned(), seen.version.clone()));
        let known = self.services.entry(service.to_owned()).or_default();
        match known.nodes.insert(seen.node.id.clone(), seen) {
            None => self.nodes += 1,
            Some(before) => drop(self.changed.insert((service.to_owned(), before.version))),
        }
    }

    fn take(&mut self, service: &str, node: &str) {
        let seen = self.services.get_mut(service).and_then(|known| known.nodes.shift_remove(node));
        if let Some(seen) = seen {
            self.nodes -= 1;
            self.changed.insert((service.to_owned(), seen.version));
        }
    }
}

impl Known {
    fn versions(&self, name: &str) -> Vec<Service> {
        let members = self.nodes.values().map(|Seen { version, metadata, endpoints, node, .. }| Member {
            version,
            metadata,
            endpoints,
            node,
        });
        versions::group(name, members)
    }
}

/// Returns where to dial a node that was heard from that host.
fn dial(address: &str, source: IpAddr) -> Option<String> {
    if let IpAddr::V6(host) = source
        && host.is_unicast_link_local()
    {
        // Such an address says nothing without the interface; the node is heard over IPv4 too.
        return dialable(address, Source::Shared).map(Cow::into_owned);
    }
    dialable(address, Source::Host(source.to_canonical())).map(Cow::into_owned)
}
