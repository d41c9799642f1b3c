//! What is known of etcd: nodes by service and key, each with what it said about its service.
//!
//! Pure: no clock, no socket. Each change of it returns what watchers are to be told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::{Stamp, Stored};
use crate::model::{Node, Service};
use crate::registry::Change;
use crate::versions::{self, About};

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    /// By name and key.
    services: BTreeMap<String, BTreeMap<Vec<u8>, Registration>>,
    /// The service of each key: its name cannot be told from the key, as slashes are lost there.
    names: HashMap<Vec<u8>, String>,
    nodes_max: usize,
    /// Whether nodes were left out because there were too many.
    is_short: bool,
}

/// One edit, as etcd tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    Put(Stored),
    Delete(Vec<u8>),
}

#[derive(Debug)]
struct Registration {
    /// Nodes of a version say the same as a rule; then they share it.
    about: Arc<About>,
    node: Node,
    stamp: Stamp,
    /// Whether it is kept although etcd, which lost everything, does not have it.
    is_held: bool,
}

impl Table {
    /// Returns an empty table for so many nodes.
    pub(super) fn new(nodes_max: usize) -> Table {
        Table { services: BTreeMap::new(), names: HashMap::new(), nodes_max, is_short: false }
    }

    /// Returns a table of what was read.
    pub(super) fn of(nodes_max: usize, all: Vec<Stored>) -> Table {
        let mut table = Table::new(nodes_max);
        for stored in all {
            table.put(stored);
        }
        table
    }

    /// Returns all services, sorted by name and version.
    pub(super) fn services(&self) -> Vec<Service> {
        self.services.iter().flat_map(|(name, nodes)| group(name, nodes)).collect()
    }

    /// Returns the versions of a service, sorted.
    pub(super) fn versions(&self, name: &str) -> Vec<Service> {
        self.services.get(name).map_or_else(Vec::new, |nodes| group(name, nodes))
    }

    /// Makes edits and returns what they come to.
    pub(super) fn apply(&mut self, edits: Vec<Edit>) -> Vec<Change> {
        let mut before = BTreeMap::new();
        for edit in edits {
            match edit {
                Edit::Put(stored) => {
                    let name = stored.service.name.clone();
                    before.entry(name).or_insert_with_key(|name| self.versions(name));
                    if let Some(other) = self.names.get(&stored.key).filter(|other| **other != stored.service.name) {
                        before.entry(other.clone()).or_insert_with_key(|name| self.versions(name));
                    }
                    self.put(stored);
                }
                Edit::Delete(key) => {
                    if let Some(name) = self.names.get(&key) {
                        before.entry(name.clone()).or_insert_with_key(|name| self.versions(name));
                        self.take(&key);
                    }
                }
            }
        }
        before.iter().flat_map(|(name, before)| self.changes_since(name, before)).collect()
    }

    /// Takes what was read for what there is. What `hold` says is not there any more, but was, stays for now.
    ///
    /// Returns how many nodes are held.
    pub(super) fn replace(&mut self, all: Vec<Stored>, hold: bool) -> usize {
        let before = std::mem::replace(self, Table::of(self.nodes_max, all));
        if !hold {
            return 0;
        }
        let mut held = 0;
        for (name, nodes) in before.services {
            for (key, registration) in nodes {
                if !self.names.contains_key(&key) && self.has_room() {
                    self.insert(name.clone(), key, Registration { is_held: true, ..registration });
                    held += 1;
                }
            }
        }
        held
    }

    /// Lets go of what is held. Returns how many nodes that were.
    pub(super) fn drop_held(&mut self) -> usize {
        let registrations = self.services.values().flatten();
        let held: Vec<Vec<u8>> =
            registrations.filter(|(_, registration)| registration.is_held).map(|(key, _)| key.clone()).collect();
        for key in &held {
            self.take(key);
        }
        held.len()
    }

    /// Returns whether what was read may be what became of this table since the revision: nothing in it was made or
    /// written up to then that is not here, too.
    pub(super) fn may_become(&self, all: &[Stored], revision: i64) -> bool {
        let may_be = |Stored { key, stamp, .. }: &Stored| match self.stamp(key) {
            Some(known) if stamp.written <= revision => *stamp == known,
            Some(known) if stamp.created <= revision => stamp.created == known.created,
            Some(_) => true,
            None => stamp.created > revision,
        };
        self.is_short || all.iter().all(may_be)
    }

    /// Returns the node that was written last, to see by it whether an etcd is the one that was known.
    pub(super) fn newest(&self) -> Option<(&[u8], Stamp)> {
        let registrations = self.services.values().flatten().filter(|(_, registration)| !registration.is_held);
        let newest = registrations.max_by_key(|(_, registration)| registration.stamp.written);
        newest.map(|(key, registration)| (key.as_slice(), registration.stamp))
    }

    /// Returns whether nodes are missing that there is room for by now.
    pub(super) fn could_hold_more(&self) -> bool {
        self.is_short && self.names.len() < self.nodes_max / 10 * 9
    }

    fn stamp(&self, key: &[u8]) -> Option<Stamp> {
        self.services.get(self.names.get(key)?)?.get(key).map(|registration| registration.stamp)
    }

    fn has_room(&self) -> bool {
        self.names.len() < self.nodes_max
    }

    fn put(&mut self, stored: Stored) {
        let Stored { key, stamp, service } = stored;
        let Service { name, version, metadata, endpoints, nodes } = service;
        self.take(&key);
        if !self.has_room() {
            if !self.is_short {
                tracing::warn!(
                    max = self.nodes_max,
                    "etcd holds more nodes than are accepted, the others are left out"
                );
            }
            self.is_short = true;
            return;
        }
        let about = About { version, metadata, endpoints };
        let same = self.services.get(&name).and_then(|nodes| nodes.values().find(|other| *other.about == about));
        let about = same.map_or_else(|| Arc::new(about), |other| Arc::clone(&other.about));
        if let Some(node) = nodes.into_iter().next() {
            self.insert(name, key, Registration { about, node, stamp, is_held: false });
        }
    }

    fn insert(&mut self, name: String, key: Vec<u8>, registration: Registration) {
        self.names.insert(key.clone(), name.clone());
        self.services.entry(name).or_default().insert(key, registration);
    }

    fn take(&mut self, key: &[u8]) {
        let Some(name) = self.names.remove(key) else { return };
        if let Some(nodes) = self.services.get_mut(&name) {
            nodes.remove(key);
            if nodes.is_empty() {
                self.services.remove(&name);
            }
        }
    }

    fn changes_since(&self, name: &str, before: &[Service]) -> Vec<Change> {
        let after = self.versions(name);
        let gone = before
            .iter()
            .filter(|old| !after.iter().any(|new| new.version == old.version))
            .map(|old| Change::Remove { name: old.name.clone(), version: old.version.clone() });
        let changed = after.iter().filter(|new| !before.contains(new)).cloned().map(Change::Upsert);
        // First what is there, so that a node that changed its version is never missing.
        changed.chain(gone).collect()
    }
}

fn group(name: &str, nodes: &BTreeMap<Vec<u8>, Registration>) -> Vec<Service> {
    versions::group(name, nodes.values().map(|Registration { about, node, .. }| about.of(node)))
}

#[cfg(test)]
mod tests;
