//! What a back end knows, for those that are told everything anew and have to tell what changed.

use std::collections::BTreeMap;

use crate::model::Service;
use crate::registry::Change;

/// The services that are known, by name and version.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<String, BTreeMap<String, Service>>);

impl Known {
    /// Takes these for everything, and returns what changed.
    pub(crate) fn replace_all(&mut self, services: Vec<Service>) -> Vec<Change> {
        let mut next: BTreeMap<String, Vec<Service>> = self.0.keys().map(|name| (name.clone(), Vec::new())).collect();
        for service in services {
            next.entry(service.name.clone()).or_default().push(service);
        }
        next.into_iter().flat_map(|(name, versions)| self.replace(&name, versions)).collect()
    }

    /// Takes these for all versions of a service, and returns what changed: first what is there, then what is gone.
    pub(crate) fn replace(&mut self, name: &str, versions: Vec<Service>) -> Vec<Change> {
        let before = self.0.remove(name).unwrap_or_default();
        let mut after: BTreeMap<String, Service> = BTreeMap::new();
        for service in versions.into_iter().filter(|service| !service.nodes.is_empty()) {
            match after.get_mut(&service.version) {
                // The real registry may tell a version twice, from two namespaces.
                Some(known) => known.nodes.extend(service.nodes),
                None => drop(after.insert(service.version.clone(), service)),
            }
        }
        let changed = after.values().filter(|new| before.get(&new.version) != Some(new)).cloned().map(Change::Upsert);
        let gone = before.keys().filter(|version| !after.contains_key(*version));
        let gone = gone.map(|version| Change::Remove { name: name.to_owned(), version: version.clone() });
        let changes = changed.chain(gone).collect();
        if !after.is_empty() {
            self.0.insert(name.to_owned(), after);
        }
        changes
    }

    /// Takes in a change that a back end told.
    pub(crate) fn take(&mut self, change: &Change) {
        match change {
            Change::Resync(services) => drop(self.replace_all(services.clone())),
            Change::Upsert(service) => {
                let versions = self.0.entry(service.name.clone()).or_default();
                versions.insert(service.version.clone(), service.clone());
            }
            Change::Remove { name, version } => {
                let is_empty = self.0.get_mut(name).is_some_and(|versions| {
                    versions.remove(version);
                    versions.is_empty()
                });
                if is_empty {
                    self.0.remove(name);
                }
            }
            Change::Stale => {}
        }
    }

    /// Returns the versions of a service.
    pub(crate) fn versions(&self, name: &str) -> impl Iterator<Item = &Service> {
        self.0.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// Returns all services, by name and version.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// Returns the names of all services.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}
