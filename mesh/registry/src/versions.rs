//! From single nodes to the records of their versions.

use std::collections::BTreeMap;

use crate::model::{Endpoint, Metadata, Node, Service};

/// What one node says of itself and of the version of the service that it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) version: &'a str,
    pub(crate) metadata: &'a Metadata,
    pub(crate) endpoints: &'a [Endpoint],
    pub(crate) node: &'a Node,
}

/// What a node said about its service, to be shared by those that said the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) version: String,
    pub(crate) metadata: Metadata,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl About {
    /// Returns what this node says.
    pub(crate) fn of<'a>(&'a self, node: &'a Node) -> Member<'a> {
        Member { version: &self.version, metadata: &self.metadata, endpoints: &self.endpoints, node }
    }
}

/// Makes one record a version of the nodes of a service, sorted by version. Nodes of a version may disagree about it:
/// then the first one counts.
pub(crate) fn group<'a>(name: &str, members: impl Iterator<Item = Member<'a>>) -> Vec<Service> {
    let mut versions: BTreeMap<&str, Service> = BTreeMap::new();
    for Member { version, metadata, endpoints, node } in members {
        let service = versions.entry(version).or_insert_with(|| Service {
            name: name.to_owned(),
            version: version.to_owned(),
            metadata: metadata.clone(),
            endpoints: endpoints.to_vec(),
            nodes: Vec::new(),
        });
        service.nodes.push(node.clone());
    }
    versions.into_values().collect()
}
