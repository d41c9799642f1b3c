//! Records as `go.micro.registry` carries them, and back (spec/protos, go.micro.registry).

use proto::registry as wire;

use crate::limits::VALUE_DEPTH_MAX;
use crate::model::{Endpoint, Metadata, Node, Service, Value};

/// The name of the registry as a service.
pub(crate) const NAME: &str = "go.micro.registry";

/// Returns the record as it travels. `options` is always there, as in Go.
pub(crate) fn to_wire(service: &Service) -> wire::Service {
    wire::Service {
        name: service.name.clone(),
        version: service.version.clone(),
        metadata: labels_to_wire(&service.metadata),
        endpoints: service.endpoints.iter().map(endpoint_to_wire).collect(),
        nodes: service.nodes.iter().map(node_to_wire).collect(),
        options: Some(wire::Options::default()),
    }
}

/// Returns the record that came in, not yet checked.
pub(crate) fn of_wire(service: wire::Service) -> Service {
    Service {
        name: service.name,
        version: service.version,
        metadata: service.metadata.into_iter().collect(),
        endpoints: service.endpoints.into_iter().map(endpoint_of_wire).collect(),
        nodes: service.nodes.into_iter().map(node_of_wire).collect(),
    }
}

fn labels_to_wire(labels: &Metadata) -> std::collections::HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn node_to_wire(node: &Node) -> wire::Node {
    let Node { id, address, metadata } = node;
    wire::Node { id: id.clone(), address: address.clone(), port: 0, metadata: labels_to_wire(metadata) }
}

fn node_of_wire(wire::Node { id, address, metadata, .. }: wire::Node) -> Node {
    Node { id, address, metadata: metadata.into_iter().collect() }
}

fn endpoint_to_wire(endpoint: &Endpoint) -> wire::Endpoint {
    let Endpoint { name, request, response, metadata } = endpoint;
    wire::Endpoint {
        name: name.clone(),
        request: request.as_ref().map(value_to_wire),
        response: response.as_ref().map(value_to_wire),
        metadata: labels_to_wire(metadata),
    }
}

fn endpoint_of_wire(wire::Endpoint { name, request, response, metadata }: wire::Endpoint) -> Endpoint {
    let value = |value| value_of_wire(value, 0);
    let (request, response) = (request.map(value), response.map(value));
    Endpoint { name, request, response, metadata: metadata.into_iter().collect() }
}

/// Records were checked when they came in: [`VALUE_DEPTH_MAX`] bounds the recursion.
fn value_to_wire(Value { name, kind, values }: &Value) -> wire::Value {
    let values = values.iter().map(value_to_wire).collect();
    wire::Value { name: name.clone(), r#type: kind.clone(), values }
}

/// What is deeper than a record may be is cut one level below, so that its check still refuses it.
fn value_of_wire(wire::Value { name, r#type, values }: wire::Value, depth: usize) -> Value {
    let deeper = values.into_iter().filter(|_| depth <= VALUE_DEPTH_MAX);
    Value { name, kind: r#type, values: deeper.map(|value| value_of_wire(value, depth + 1)).collect() }
}
