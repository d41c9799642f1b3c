//! What a watcher has been told: from the changes of a registry to what go-micro's watchers expect. Pure.
//!
//! A change of ours says how a version is now. Watchers of go-micro merge: what comes is added, and only a `delete`
//! that lists nodes takes them away. So each watcher remembers what it was told, nodes by id.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use crate::model::{Node, Service};
use crate::registry::Change;

/// What happened to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// The version is new.
    Create,
    /// It has other nodes, or another of them.
    Update,
    /// The nodes that are listed are gone.
    Delete,
}

impl Action {
    /// Returns the word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}

/// What a watcher has been told, by name and version.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(String, String), Version>);

/// A version as it was told. Not the record: of many watchers each has its own.
#[derive(Debug, Default)]
struct Version {
    /// All but the nodes.
    digest: u64,
    /// By id: address and digest.
    nodes: BTreeMap<String, (String, u64)>,
}

impl Told {
    /// Takes in a change, and returns what to tell.
    pub(super) fn take(&mut self, change: Change) -> Vec<(Action, Service)> {
        match change {
            Change::Upsert(service) => self.put(service),
            Change::Remove { name, version } => self.remove((name, version)).into_iter().collect(),
            Change::Resync(services) => self.replace(services),
            Change::Stale => Vec::new(),
        }
    }

    fn replace(&mut self, services: Vec<Service>) -> Vec<(Action, Service)> {
        let mut gone: BTreeSet<_> = self.0.keys().cloned().collect();
        let mut told = Vec::new();
        for service in services {
            gone.remove(&(service.name.clone(), service.version.clone()));
            told.extend(self.put(service));
        }
        told.extend(gone.into_iter().filter_map(|key| self.remove(key)));
        told
    }

    /// First what is there, so that a watcher never sees a service without the nodes that it has.
    fn put(&mut self, service: Service) -> Vec<(Action, Service)> {
        let head = Service { nodes: Vec::new(), ..service.clone() };
        let nodes = service.nodes.iter().map(|node| (node.id.clone(), (node.address.clone(), digest(node))));
        let now = Version { digest: digest(&head), nodes: nodes.collect() };
        let key = (service.name.clone(), service.version.clone());
        let Some(before) = self.0.insert(key.clone(), now) else {
            return vec![(Action::Create, service)];
        };
        let now = &self.0[&key];
        let is_changed =
            now.digest != before.digest || now.nodes.iter().any(|(id, node)| before.nodes.get(id) != Some(node));
        let gone = before.nodes.into_iter().filter(|(id, _)| !now.nodes.contains_key(id));
        let gone: Vec<Node> = gone.map(|(id, (address, _))| Node::new(id, address)).collect();
        let update = is_changed.then_some((Action::Update, service));
        let delete = (!gone.is_empty()).then(|| (Action::Delete, taken_away(key, gone)));
        update.into_iter().chain(delete).collect()
    }

    fn remove(&mut self, key: (String, String)) -> Option<(Action, Service)> {
        let nodes = self.0.remove(&key)?.nodes.into_iter().map(|(id, (address, _))| Node::new(id, address));
        Some((Action::Delete, taken_away(key, nodes.collect())))
    }
}

/// As go-micro deregisters: name, version, and the ids and addresses of nodes.
fn taken_away((name, version): (String, String), nodes: Vec<Node>) -> Service {
    Service { name, version, nodes, ..Service::default() }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(version: &str, nodes: &[(&str, &str)]) -> Service {
        let nodes = nodes.iter().map(|(id, address)| Node::new(*id, *address)).collect();
        Service { version: version.to_owned(), nodes, ..Service::new("s") }
    }

    fn words(told: Vec<(Action, Service)>) -> Vec<String> {
        let word = |(action, service): (Action, Service)| {
            let nodes: Vec<_> = service.nodes.iter().map(|node| format!("{}@{}", node.id, node.address)).collect();
            format!("{} {} {}", action.as_str(), service.version, nodes.join(","))
        };
        told.into_iter().map(word).collect()
    }

    #[test]
    fn what_goes_is_told_by_name() {
        let mut told = Told::default();
        let check = |told: &mut Told, change, expected: &[&str]| assert_eq!(words(told.take(change)), expected);
        check(&mut told, Change::Upsert(service("1", &[("a", "x"), ("b", "y")])), &["create 1 a@x,b@y"]);
        check(&mut told, Change::Upsert(service("1", &[("a", "x"), ("b", "y")])), &[]);
        check(&mut told, Change::Upsert(service("1", &[("a", "x")])), &["delete 1 b@y"]);
        check(&mut told, Change::Upsert(service("1", &[("a", "z"), ("c", "y")])), &["update 1 a@z,c@y"]);
        check(&mut told, Change::Upsert(service("1", &[("c", "q")])), &["update 1 c@q", "delete 1 a@z"]);
        check(&mut told, Change::Stale, &[]);
        let all = vec![service("1", &[("c", "q")]), service("2", &[("d", "r")])];
        check(&mut told, Change::Resync(all), &["create 2 d@r"]);
        check(&mut told, Change::Resync(vec![service("2", &[("d", "r")])]), &["delete 1 c@q"]);
        let gone = Change::Remove { name: "s".into(), version: "2".into() };
        check(&mut told, gone.clone(), &["delete 2 d@r"]);
        check(&mut told, gone, &[]);
    }

    #[test]
    fn another_endpoint_is_an_update() {
        let mut told = Told::default();
        told.take(Change::Upsert(service("1", &[("a", "x")])));
        let change = Change::Upsert(service("1", &[("a", "x")]).with_endpoint("A.B"));
        assert_eq!(words(told.take(change)), ["update 1 a@x"]);
    }
}
