//! The file: services with their nodes, written by hand or by a program. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::limits::{self, InvalidRecord};
use crate::model::{Endpoint, Metadata, Node, PROTOCOL, Service, VERSION_DEFAULT};

/// The most bytes of a file.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most nodes in it.
const NODES_MAX: usize = 65_536;

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFile {
    /// It is not YAML, or not what is expected.
    #[error("{0}")]
    Syntax(#[from] serde_yaml::Error),
    /// A service of it breaks a limit.
    #[error("service {name:?}: {reason}")]
    Service {
        /// The service.
        name: String,
        /// The limit.
        #[source]
        reason: InvalidRecord,
    },
    /// Two services have the same name and version.
    #[error("service {name:?} stands twice in version {version:?}")]
    Twice {
        /// The service.
        name: String,
        /// The version.
        version: String,
    },
    /// It is too large.
    #[error("it holds more than {max} {things}")]
    TooMuch {
        /// The limit.
        max: usize,
        /// Of what.
        things: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    services: Vec<OneService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneService {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    endpoints: Option<Vec<OneEndpoint>>,
    nodes: Vec<OneNode>,
}

/// A name alone, or a record.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneEndpoint {
    Name(String),
    Record(Endpoint),
}

/// An address alone, or a record.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneNode {
    Address(String),
    Record(LongNode),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongNode {
    #[serde(default)]
    id: Option<String>,
    address: String,
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// Reads a file: YAML, of which JSON is a part. An empty one holds no services.
pub(super) fn parse(text: &str) -> Result<Vec<Service>, InvalidFile> {
    if text.len() > BYTES_MAX {
        return Err(InvalidFile::TooMuch { max: BYTES_MAX, things: "bytes" });
    }
    let document: Option<Document> = serde_yaml::from_str(text)?;
    let services: Vec<Service> =
        document.map_or_else(Vec::new, |document| document.services).into_iter().map(OneService::into_record).collect();
    if services.iter().map(|service| service.nodes.len()).sum::<usize>() > NODES_MAX {
        return Err(InvalidFile::TooMuch { max: NODES_MAX, things: "nodes" });
    }
    let mut seen = BTreeSet::new();
    for service in &services {
        limits::check(service).map_err(|reason| InvalidFile::Service { name: service.name.clone(), reason })?;
        if !seen.insert((&service.name, &service.version)) {
            let (name, version) = (service.name.clone(), service.version.clone());
            return Err(InvalidFile::Twice { name, version });
        }
    }
    Ok(services)
}

impl OneService {
    fn into_record(self) -> Service {
        let OneService { name, version, protocol, metadata, endpoints, nodes } = self;
        let nodes = nodes.into_iter().map(|node| node.into_record(&name, protocol.as_deref())).collect();
        let endpoints = endpoints.unwrap_or_default().into_iter().map(OneEndpoint::into_record).collect();
        let version = version.unwrap_or_else(|| VERSION_DEFAULT.to_owned());
        Service { name, version, metadata: metadata.unwrap_or_default(), endpoints, nodes }
    }
}

impl OneEndpoint {
    fn into_record(self) -> Endpoint {
        match self {
            OneEndpoint::Name(name) => Endpoint { name, ..Endpoint::default() },
            OneEndpoint::Record(endpoint) => endpoint,
        }
    }
}

impl OneNode {
    /// A node that has no id gets one that stays the same as long as its address does.
    fn into_record(self, service: &str, protocol: Option<&str>) -> Node {
        let LongNode { id, address, protocol: own, metadata } = match self {
            OneNode::Address(address) => LongNode { id: None, address, protocol: None, metadata: None },
            OneNode::Record(node) => node,
        };
        let id = id.unwrap_or_else(|| format!("{service}-{address}"));
        let mut metadata = metadata.unwrap_or_default();
        if let Some(protocol) = own.as_deref().or(protocol) {
            metadata.entry(PROTOCOL.to_owned()).or_insert_with(|| protocol.to_owned());
        }
        Node { id, address, metadata }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_forms_mean_the_same() {
        let short = r#"
services:
  - name: greeter
    protocol: http
    endpoints: [Say.Hello]
    nodes: ["10.0.0.5:80", { id: b, address: "10.0.0.6:80", protocol: grpc, metadata: { zone: x } }]
"#;
        let long = r#"{"services":[{"name":"greeter","version":"latest","endpoints":[{"name":"Say.Hello"}],"nodes":[
            {"id":"greeter-10.0.0.5:80","address":"10.0.0.5:80","metadata":{"protocol":"http"}},
            {"id":"b","address":"10.0.0.6:80","metadata":{"protocol":"grpc","zone":"x"}}]}]}"#;
        assert_eq!(parse(short).unwrap(), parse(long).unwrap());
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(parse("services: []").unwrap(), []);
    }

    #[test]
    fn what_means_nothing_is_refused_with_the_reason() {
        let check = |text: &str, part: &str| {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("services: [{ name: a, nods: [] }]", "unknown field `nods`");
        check("services: [{ name: a, nodes: [] }]", "service \"a\": the list of nodes is empty");
        check("services: [{ name: a, nodes: [\"x:1\", \"x:1\"] }]", "node id \"a-x:1\" occurs twice");
        check(
            "services: [{ name: a, nodes: [\"x:1\"] }, { name: a, nodes: [\"x:2\"] }]",
            "stands twice in version \"latest\"",
        );
        check("[1, 2]", "invalid type");
        check("services: [{ name: a/../b c, nodes: [\"x:1\"] }]", "holds ' '");
        check("a: &a [*a]\nservices: []", "");
    }
}
