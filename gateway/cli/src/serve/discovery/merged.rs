//! What the registries know, merged in the order of the document. Pure.
//!
//! The nodes of a service are those of all registries; of one that several know the first one counts.

use std::collections::{BTreeMap, BTreeSet};

use mesh_registry::{Change, Node, Service, Source};

use super::feeds::FeedId;

/// What the registries know.
#[derive(Debug, Default)]
pub(super) struct Merged {
    tables: Vec<Table>,
}

/// What one registry knows.
#[derive(Debug)]
struct Table {
    feed: FeedId,
    source: Source,
    /// By name and version.
    services: BTreeMap<String, BTreeMap<String, Service>>,
    /// Whether it has told everything once.
    is_complete: bool,
    is_stale: bool,
    /// Whether it is in use no more, and only serves until those that are have told everything.
    is_leaving: bool,
}

/// What a change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concerned {
    /// Everything may be another.
    All,
    /// One service may be.
    One(String),
    /// What is known may be old.
    Stale,
    /// Nothing.
    Nobody,
}

/// A node with what else is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) version: &'k str,
    pub(super) node: &'k Node,
    /// Where it is when its address does not say so.
    pub(super) source: Source,
}

impl Merged {
    /// Takes these for the registries in use. What others knew stays until these have told everything.
    pub(super) fn follow(&mut self, feeds: impl IntoIterator<Item = (FeedId, Source)>) -> Concerned {
        let mut before = std::mem::take(&mut self.tables);
        for (feed, source) in feeds {
            let known = before.iter().position(|table| table.feed == feed).map(|at| before.remove(at));
            self.tables.push(known.unwrap_or_else(|| Table::new(feed, source)));
        }
        self.tables.extend(before.into_iter().map(|table| Table { is_leaving: true, ..table }));
        self.let_leave();
        Concerned::All
    }

    /// Takes in a change, unless it is of a registry that is in use no more.
    pub(super) fn take(&mut self, feed: FeedId, change: Change) -> Concerned {
        let Some(table) = self.tables.iter_mut().find(|table| table.feed == feed && !table.is_leaving) else {
            return Concerned::Nobody;
        };
        let concerned = table.take(change);
        if concerned == Concerned::All {
            self.let_leave();
        }
        concerned
    }

    /// Returns whether something of what is known may be old.
    pub(super) fn is_stale(&self) -> bool {
        self.tables.iter().any(|table| table.is_stale && !table.is_leaving)
    }

    /// Returns whether there is a service of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.services.contains_key(name))
    }

    /// Returns the names of all services, sorted.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.tables.iter().flat_map(|table| table.services.keys()).map(String::as_str).collect()
    }

    /// Returns the nodes of a service.
    pub(super) fn nodes<'k>(&'k self, name: &str) -> Vec<Known<'k>> {
        let mut ids = BTreeSet::new();
        let versions = self.tables.iter().flat_map(|table| {
            table.services.get(name).into_iter().flat_map(BTreeMap::values).map(|service| (table.source, service))
        });
        let nodes = versions.flat_map(|(source, service)| {
            service.nodes.iter().map(move |node| Known { version: &service.version, node, source })
        });
        nodes.filter(|known| ids.insert(known.node.id.as_str())).collect()
    }

    /// Returns every node that any registry knows, with the name of its service.
    pub(super) fn all_nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        let versions = self.tables.iter().flat_map(|table| table.services.values().flat_map(BTreeMap::values));
        versions.flat_map(|service| service.nodes.iter().map(|node| (service.name.as_str(), node)))
    }

    fn let_leave(&mut self) {
        if self.tables.iter().all(|table| table.is_complete || table.is_leaving) {
            self.tables.retain(|table| !table.is_leaving);
        }
    }
}

impl Table {
    fn new(feed: FeedId, source: Source) -> Self {
        Self { feed, source, services: BTreeMap::new(), is_complete: false, is_stale: false, is_leaving: false }
    }

    fn take(&mut self, change: Change) -> Concerned {
        match change {
            Change::Resync(services) => {
                self.services.clear();
                for service in services {
                    self.services.entry(service.name.clone()).or_default().insert(service.version.clone(), service);
                }
                (self.is_complete, self.is_stale) = (true, false);
                Concerned::All
            }
            Change::Upsert(service) => {
                let name = service.name.clone();
                self.services.entry(name.clone()).or_default().insert(service.version.clone(), service);
                Concerned::One(name)
            }
            Change::Remove { name, version } => {
                if let Some(versions) = self.services.get_mut(&name) {
                    versions.remove(&version);
                    if versions.is_empty() {
                        self.services.remove(&name);
                    }
                }
                Concerned::One(name)
            }
            Change::Stale => {
                self.is_stale = true;
                Concerned::Stale
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::discovery::tests::service;

    const FIRST: FeedId = FeedId(1);
    const SECOND: FeedId = FeedId(2);

    fn following(feeds: &[FeedId]) -> Merged {
        let mut merged = Merged::default();
        merged.follow(feeds.iter().map(|feed| (*feed, Source::Shared)));
        merged
    }

    fn addresses<'k>(merged: &'k Merged, name: &str) -> Vec<&'k str> {
        merged.nodes(name).iter().map(|known| known.node.address.as_str()).collect()
    }

    #[test]
    fn the_first_registry_that_knows_a_node_counts() {
        let mut merged = following(&[FIRST, SECOND]);
        merged.take(SECOND, Change::Resync(vec![service("a", "1", &["x:1", "y:1"])]));
        assert_eq!(addresses(&merged, "a"), ["x:1", "y:1"]);
        let mut other = service("a", "2", &["y:1"]);
        other.nodes[0].address = "z:1".to_owned();
        assert_eq!(merged.take(FIRST, Change::Upsert(other)), Concerned::One("a".to_owned()));
        assert_eq!(addresses(&merged, "a"), ["z:1", "x:1"]);
        merged.take(FIRST, Change::Remove { name: "a".to_owned(), version: "2".to_owned() });
        assert_eq!(addresses(&merged, "a"), ["x:1", "y:1"]);
        assert_eq!(merged.names().into_iter().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn one_that_is_replaced_serves_until_the_next_has_told_everything() {
        let mut merged = following(&[FIRST]);
        merged.take(FIRST, Change::Resync(vec![service("a", "1", &["x:1"])]));
        merged.follow([(SECOND, Source::Shared)]);
        assert_eq!(addresses(&merged, "a"), ["x:1"]);
        assert_eq!(merged.take(FIRST, Change::Resync(Vec::new())), Concerned::Nobody, "it says nothing any more");
        assert_eq!(merged.take(SECOND, Change::Stale), Concerned::Stale);
        assert_eq!(addresses(&merged, "a"), ["x:1"], "the new one is not there yet");
        merged.take(SECOND, Change::Resync(vec![service("b", "1", &["y:1"])]));
        assert!(!merged.has("a"));
        assert_eq!(addresses(&merged, "b"), ["y:1"]);
    }

    #[test]
    fn one_stale_registry_is_enough() {
        let mut merged = following(&[FIRST, SECOND]);
        merged.take(FIRST, Change::Resync(Vec::new()));
        merged.take(SECOND, Change::Stale);
        assert!(merged.is_stale());
        merged.take(FIRST, Change::Upsert(service("a", "1", &["x:1"])));
        assert!(merged.is_stale(), "of the second");
        merged.take(SECOND, Change::Resync(Vec::new()));
        assert!(!merged.is_stale());
    }
}
