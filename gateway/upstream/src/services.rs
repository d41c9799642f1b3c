//! The table of clusters: immutable, published whole, rebuilt one cluster at a time.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::{Cluster, ClusterId, Source};

/// The place of a cluster in the table. It stays the same as long as the cluster is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClusterSlot(u32);

impl ClusterSlot {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// An immutable table of clusters, of the document and of the registry alike.
#[derive(Clone, Debug, Default)]
pub struct Services {
    clusters: Vec<Option<Arc<Cluster>>>,
    names: [HashMap<Arc<str>, ClusterSlot, RandomState>; 2],
    stale: bool,
    rebuilt: u64,
}

impl Services {
    /// Finds a cluster by name; one of the document hides a registered one.
    pub fn find(&self, name: &str) -> Option<ClusterSlot> {
        self.names.iter().find_map(|names| names.get(name)).copied()
    }

    /// Returns the cluster in a slot.
    pub fn cluster(&self, slot: ClusterSlot) -> Option<&Arc<Cluster>> {
        self.clusters.get(slot.index())?.as_ref()
    }

    /// Returns all clusters with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (ClusterSlot, &Arc<Cluster>)> {
        (0u32..).map(ClusterSlot).zip(&self.clusters).filter_map(|(slot, cluster)| Some((slot, cluster.as_ref()?)))
    }

    /// Returns whether the registry could not be reached when this table was made; its clusters are the last known.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Returns how many clusters were rebuilt until this table was made: a node that comes or goes adds one.
    pub fn rebuilt(&self) -> u64 {
        self.rebuilt
    }

    pub(crate) fn slots(&self) -> &[Option<Arc<Cluster>>] {
        &self.clusters
    }
}

/// The writer of the table, on the control plane. Each change touches one cluster; the others are shared.
#[derive(Debug, Default)]
pub struct ServicesTable {
    current: Services,
}

impl ServicesTable {
    /// Returns the table as it is now, to be published.
    pub fn snapshot(&self) -> Arc<Services> {
        Arc::new(self.current.clone())
    }

    /// Adds or replaces a cluster. Returns whether anything changed.
    pub fn upsert(&mut self, cluster: Cluster) -> bool {
        let names = &mut self.current.names[place(cluster.id.source)];
        let clusters = &mut self.current.clusters;
        let slot = *names.entry(Arc::clone(&cluster.id.name)).or_insert_with(|| free_slot(clusters));
        let Some(entry) = self.current.clusters.get_mut(slot.index()) else { return false };
        if entry.as_deref() == Some(&cluster) {
            return false;
        }
        *entry = Some(Arc::new(cluster));
        self.current.rebuilt += 1;
        true
    }

    /// Removes a cluster. Returns whether it was there.
    pub fn remove(&mut self, id: &ClusterId) -> bool {
        let Some(slot) = self.current.names[place(id.source)].remove(&id.name) else { return false };
        if let Some(entry) = self.current.clusters.get_mut(slot.index()) {
            *entry = None;
        }
        self.current.rebuilt += 1;
        true
    }

    /// Replaces all clusters of one source by these. Returns whether anything changed.
    pub fn replace(&mut self, source: Source, clusters: Vec<Cluster>) -> bool {
        let kept: std::collections::HashSet<_> = clusters.iter().map(|cluster| Arc::clone(&cluster.id.name)).collect();
        let gone: Vec<_> =
            self.current.names[place(source)].keys().filter(|name| !kept.contains(*name)).map(Arc::clone).collect();
        let mut changed = false;
        for name in gone {
            changed |= self.remove(&ClusterId { source, name });
        }
        for cluster in clusters {
            debug_assert_eq!(cluster.id.source, source);
            changed |= self.upsert(cluster);
        }
        changed
    }

    /// Marks the registry's clusters as the last known ones, or as fresh again. Returns whether that changed.
    pub fn set_stale(&mut self, stale: bool) -> bool {
        std::mem::replace(&mut self.current.stale, stale) != stale
    }
}

fn place(source: Source) -> usize {
    match source {
        Source::Static => 0,
        Source::Registry => 1,
    }
}

fn free_slot(clusters: &mut Vec<Option<Arc<Cluster>>>) -> ClusterSlot {
    let index = clusters.iter().position(Option::is_none).unwrap_or_else(|| {
        clusters.push(None);
        clusters.len() - 1
    });
    ClusterSlot(u32::try_from(index).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(source: Source, name: &str) -> Cluster {
        Cluster::new(source, name, Vec::new())
    }

    #[test]
    fn the_document_hides_the_registry() {
        let mut table = ServicesTable::default();
        table.upsert(cluster(Source::Registry, "a"));
        let registered = table.snapshot().find("a").unwrap();
        table.upsert(cluster(Source::Static, "a"));
        let services = table.snapshot();
        assert_ne!(services.find("a"), Some(registered));
        assert!(table.remove(&ClusterId { source: Source::Static, name: "a".into() }));
        assert_eq!(table.snapshot().find("a"), Some(registered));
    }

    #[test]
    fn a_change_rebuilds_one_cluster_and_keeps_its_slot() {
        let mut table = ServicesTable::default();
        table.replace(Source::Registry, vec![cluster(Source::Registry, "a"), cluster(Source::Registry, "b")]);
        let before = table.snapshot();
        let mut changed = cluster(Source::Registry, "a");
        changed.balance = crate::Balance::RoundRobin;
        assert!(table.upsert(changed.clone()));
        assert!(!table.upsert(changed), "the same again is no change");
        let after = table.snapshot();
        assert_eq!(after.rebuilt(), before.rebuilt() + 1);
        assert_eq!(before.find("a"), after.find("a"));
        let b = after.find("b").unwrap();
        assert!(Arc::ptr_eq(before.cluster(b).unwrap(), after.cluster(b).unwrap()));
    }

    #[test]
    fn what_a_resync_does_not_name_is_gone() {
        let mut table = ServicesTable::default();
        table.upsert(cluster(Source::Static, "s"));
        table.replace(Source::Registry, vec![cluster(Source::Registry, "a")]);
        assert!(table.replace(Source::Registry, vec![cluster(Source::Registry, "b")]));
        let services = table.snapshot();
        assert!(services.find("a").is_none());
        assert_eq!(services.iter().count(), 2);
    }
}
