//! The records of a registry: a service with its endpoints and nodes, as go-micro v2 writes and reads them.
//!
//! The JSON form is the one that etcd, mdns and the other back ends of go-micro store: members in a fixed order,
//! `null` for an empty list or map, Go's escapes ([`Service::to_json`]). Reading is as liberal as Go: member names
//! in any case, the last of equal ones, `null` or nothing for an empty list or map, unknown members ignored.
//!
//! Records are plain data without invariants; [`crate::limits`] says which of them a registry accepts.

pub(crate) mod read;

use std::collections::BTreeMap;

use mesh_rpc::json;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Labels of a service, a node or an endpoint, sorted by key.
pub type Metadata = BTreeMap<String, String>;

/// The version of a service that names none.
pub const VERSION_DEFAULT: &str = "latest";

/// The node label that says how the node is spoken to: `grpc`, `mucp` or `http`.
pub const PROTOCOL: &str = "protocol";

/// One version of a service. Name and version identify it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Service {
    /// The name, such as `go.micro.srv.greeter`.
    pub name: String,
    /// The version; go-micro's default is `latest`.
    pub version: String,
    /// Labels of the version; stock services set none.
    pub metadata: Metadata,
    /// What can be called.
    pub endpoints: Vec<Endpoint>,
    /// Who runs it.
    pub nodes: Vec<Node>,
}

/// One running instance of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// Unique within the service.
    pub id: String,
    /// `host:port`, an IPv6 host in brackets. Back ends also hold bare queue names.
    pub address: String,
    /// Labels; [`PROTOCOL`] among them.
    pub metadata: Metadata,
}

/// One callable of a service: `Handler.Method`, an HTTP pattern of a web service, or a subscriber.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// The type of the request, where it is known.
    pub request: Option<Value>,
    /// The type of the response; a subscriber has none.
    pub response: Option<Value>,
    /// Labels: `stream`, `subscriber`, and what the gateway is told about paths and handlers.
    pub metadata: Metadata,
}

/// A type, and the fields of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Value {
    /// The name of the field.
    pub name: String,
    /// The name of its type in Go.
    pub kind: String,
    /// Its fields.
    pub values: Vec<Value>,
}

impl Service {
    /// Returns a service of version `latest` without endpoints and nodes.
    pub fn new(name: impl Into<String>) -> Service {
        Service { name: name.into(), version: VERSION_DEFAULT.to_owned(), ..Service::default() }
    }

    /// Adds a node.
    #[must_use]
    pub fn with_node(mut self, node: Node) -> Service {
        self.nodes.push(node);
        self
    }

    /// Adds an endpoint that is known by name only.
    #[must_use]
    pub fn with_endpoint(mut self, name: impl Into<String>) -> Service {
        self.endpoints.push(Endpoint { name: name.into(), ..Endpoint::default() });
        self
    }

    /// Returns the record as go-micro writes it, byte for byte for what its servers register.
    pub fn to_json(&self) -> String {
        json::to_string(self).expect("strings, lists and maps with string keys always serialise")
    }
}

impl Node {
    /// Returns a node without labels.
    pub fn new(id: impl Into<String>, address: impl Into<String>) -> Node {
        Node { id: id.into(), address: address.into(), metadata: Metadata::new() }
    }

    /// Sets a label.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Node {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Returns the label [`PROTOCOL`].
    pub fn protocol(&self) -> Option<&str> {
        self.metadata.get(PROTOCOL).map(String::as_str)
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Service", 5)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("version", &self.version)?;
        members.serialize_field("metadata", &filled_map(&self.metadata))?;
        members.serialize_field("endpoints", &filled(&self.endpoints))?;
        members.serialize_field("nodes", &filled(&self.nodes))?;
        members.end()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Node", 3)?;
        members.serialize_field("id", &self.id)?;
        members.serialize_field("address", &self.address)?;
        members.serialize_field("metadata", &filled_map(&self.metadata))?;
        members.end()
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Go's servers make a map for handlers, also an empty one, and none for the patterns of web services,
        // which have no request either.
        let metadata = if self.request.is_some() { Some(&self.metadata) } else { filled_map(&self.metadata) };
        let mut members = serializer.serialize_struct("Endpoint", 4)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("request", &self.request)?;
        members.serialize_field("response", &self.response)?;
        members.serialize_field("metadata", &metadata)?;
        members.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Value", 3)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("type", &self.kind)?;
        members.serialize_field("values", &filled(&self.values))?;
        members.end()
    }
}

/// An empty list is `null` in Go.
pub(crate) fn filled<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

/// An empty map is `null` in Go.
pub(crate) fn filled_map(map: &Metadata) -> Option<&Metadata> {
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests;
