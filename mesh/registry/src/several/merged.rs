//! What several registries know, merged in their order. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialable::{Source, dialable};
use crate::known::Known;
use crate::model::Service;
use crate::registry::Change;

/// What several registries know.
#[derive(Debug)]
pub(super) struct Merged {
    members: Vec<Member>,
}

/// What one of them knows.
#[derive(Debug)]
struct Member {
    source: Source,
    known: Known,
    is_stale: bool,
    /// Whether it said what it knows, or that it cannot be reached.
    has_told: bool,
}

impl Merged {
    /// Returns what registries know that have told nothing yet.
    pub(super) fn new(sources: impl Iterator<Item = Source>) -> Merged {
        let members =
            sources.map(|source| Member { source, known: Known::default(), is_stale: false, has_told: false });
        Merged { members: members.collect() }
    }

    /// Takes in a change of one of them, and returns what it changes in all: nothing before each has told, as what only
    /// the others know would be told as gone.
    pub(super) fn take(&mut self, at: usize, change: &Change) -> Vec<Change> {
        let name = match change {
            Change::Resync(_) | Change::Stale => None,
            Change::Upsert(Service { name, .. }) | Change::Remove { name, .. } => Some(name.clone()),
        };
        let before = name.as_ref().map(|name| self.versions(name));
        let were_told = self.have_told();
        let member = &mut self.members[at];
        member.known.take(change);
        if name.is_none() {
            member.is_stale = *change == Change::Stale;
            member.has_told = true;
        }
        if !self.have_told() {
            return Vec::new();
        }
        match (name, before) {
            (Some(name), Some(before)) => {
                let mut told = Known::default();
                drop(told.replace(&name, before));
                told.replace(&name, self.versions(&name))
            }
            _ => self.everything(were_told && *change == Change::Stale),
        }
    }

    /// Everything anew, unless all that is new is that it may be old.
    fn everything(&self, is_only_stale: bool) -> Vec<Change> {
        let resync = (!is_only_stale).then(|| Change::Resync(self.services()));
        let stale = self.members.iter().any(|member| member.is_stale).then_some(Change::Stale);
        resync.into_iter().chain(stale).collect()
    }

    fn have_told(&self) -> bool {
        self.members.iter().all(|member| member.has_told)
    }

    /// Returns all services, sorted by name and version.
    pub(super) fn services(&self) -> Vec<Service> {
        let names: BTreeSet<&String> = self.members.iter().flat_map(|member| member.known.names()).collect();
        names.into_iter().flat_map(|name| self.versions(name)).collect()
    }

    /// Returns the versions of a service, sorted. A node that an earlier registry knows is the one that it knows.
    fn versions(&self, name: &str) -> Vec<Service> {
        let mut versions: BTreeMap<&str, Service> = BTreeMap::new();
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        for Member { source, known, .. } in &self.members {
            let of_earlier = ids.clone();
            for service in known.versions(name) {
                let nodes = service.nodes.iter().filter(|node| !of_earlier.contains(node.id.as_str()));
                let mut nodes: Vec<_> = nodes.cloned().collect();
                ids.extend(service.nodes.iter().map(|node| node.id.as_str()));
                for node in &mut nodes {
                    if let Some(address) = dialable(&node.address, *source).map(std::borrow::Cow::into_owned) {
                        node.address = address;
                    }
                }
                if nodes.is_empty() {
                    continue;
                }
                let empty = || Service { nodes: Vec::new(), ..service.clone() };
                versions.entry(&service.version).or_insert_with(empty).nodes.extend(nodes);
            }
        }
        versions.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Node;

    fn service(version: &str, nodes: &[(&str, &str)]) -> Service {
        let nodes = nodes.iter().map(|(id, address)| Node::new(*id, *address)).collect();
        Service { version: version.to_owned(), nodes, ..Service::new("s") }
    }

    fn two() -> Merged {
        Merged::new([Source::Own, Source::Shared].into_iter())
    }

    #[test]
    fn the_first_that_knows_a_node_counts() {
        let mut merged = two();
        merged.take(0, &Change::Resync(vec![]));
        merged.take(1, &Change::Resync(vec![service("1", &[("a", "other:1"), ("b", "other:2")])]));
        let changes = merged.take(0, &Change::Upsert(service("2", &[("a", "[::]:9")])));
        let (first, second) = (service("2", &[("a", "127.0.0.1:9")]), service("1", &[("b", "other:2")]));
        assert_eq!(changes, [Change::Upsert(second.clone()), Change::Upsert(first.clone())]);
        assert_eq!(merged.services(), [second, first]);
        let gone = Change::Remove { name: "s".into(), version: "2".into() };
        let back = service("1", &[("a", "other:1"), ("b", "other:2")]);
        assert_eq!(merged.take(0, &gone), [Change::Upsert(back), gone]);
    }

    #[test]
    fn nothing_is_told_before_all_have_told() {
        let mut merged = two();
        let (own, others) = (service("1", &[("a", "x:1")]), service("2", &[("b", "x:2")]));
        assert_eq!(merged.take(0, &Change::Resync(vec![])), []);
        assert_eq!(merged.take(0, &Change::Upsert(own.clone())), []);
        assert_eq!(merged.take(0, &Change::Stale), []);
        let everything = Change::Resync(vec![own, others.clone()]);
        assert_eq!(merged.take(1, &Change::Resync(vec![others])), [everything, Change::Stale]);

        let mut merged = two();
        merged.take(0, &Change::Resync(vec![]));
        assert_eq!(
            merged.take(1, &Change::Stale),
            [Change::Resync(vec![]), Change::Stale],
            "an empty one is told, too"
        );
    }

    #[test]
    fn one_that_cannot_be_reached_takes_nothing_away() {
        let mut merged = two();
        assert_eq!(merged.take(1, &Change::Stale), []);
        let known = service("1", &[("a", "x:1")]);
        let everything = Change::Resync(vec![known.clone()]);
        assert_eq!(merged.take(0, &everything), [everything.clone(), Change::Stale], "the other one is still away");
        assert_eq!(merged.take(0, &Change::Stale), [Change::Stale]);
        assert_eq!(merged.services(), [known]);
        assert_eq!(merged.take(0, &everything), [everything.clone(), Change::Stale]);
        assert_eq!(merged.take(1, &Change::Resync(vec![])), [everything]);
    }
}
