//! What changes between two snapshots: what the control plane has to do, and what a report can say.

use std::sync::Arc;

use crate::{ListenerId, Snapshot};

/// The difference between the running snapshot and the next. Types that compare equal are left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Listeners whose sockets have to be opened, new or at another address.
    pub opened: Vec<ListenerId>,
    /// Listeners whose sockets are closed once nobody accepts on them.
    pub closed: Vec<ListenerId>,
    /// Listeners that stay open but route, limit or trust otherwise.
    pub changed: Vec<ListenerId>,
    /// Clusters of the document that are new, gone or different.
    pub clusters: Vec<Arc<str>>,
    /// The new number of workers, if it is another.
    pub workers: Option<usize>,
    /// Whether logging changes.
    pub telemetry: bool,
}

impl Difference {
    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two snapshots.
pub fn difference(before: &Snapshot, after: &Snapshot) -> Difference {
    let mut difference = Difference {
        workers: (before.workers != after.workers).then_some(after.workers),
        telemetry: before.telemetry != after.telemetry,
        clusters: clusters(before, after),
        ..Difference::default()
    };
    for (id, next) in &after.listeners {
        match before.listeners.get(id) {
            Some(now) if now.address == next.address => {
                if now != next {
                    difference.changed.push(Arc::clone(id));
                }
            }
            Some(_) => {
                difference.opened.push(Arc::clone(id));
                difference.closed.push(Arc::clone(id));
            }
            None => difference.opened.push(Arc::clone(id)),
        }
    }
    difference.closed.extend(before.listeners.keys().filter(|id| !after.listeners.contains_key(*id)).map(Arc::clone));
    difference
}

fn clusters(before: &Snapshot, after: &Snapshot) -> Vec<Arc<str>> {
    let find = |snapshot: &Snapshot, name: &Arc<str>| {
        snapshot.clusters.iter().find(|source| source.cluster.id.name == *name).cloned()
    };
    let mut names: Vec<_> =
        before.clusters.iter().chain(&after.clusters).map(|source| Arc::clone(&source.cluster.id.name)).collect();
    names.sort();
    names.dedup();
    names.retain(|name| find(before, name) != find(after, name));
    names
}

#[cfg(test)]
mod tests;
