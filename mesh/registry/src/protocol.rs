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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::limits;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = ("[a-z]{0,4}", "[a-z]{0,4}").prop_map(|(name, kind)| Value { name, kind, values: Vec::new() });
        leaf.prop_recursive(4, 16, 3, |inner| {
            ("[a-z]{0,4}", prop::collection::vec(inner, 0..3)).prop_map(|(name, values)| Value {
                kind: name.clone(),
                name,
                values,
            })
        })
    }

    proptest! {
        /// What is sent is what is received.
        #[test]
        fn records_survive_the_way(name in ".{1,8}", key in ".{1,8}", request in proptest::option::of(values())) {
            let node = Node::new(name.clone(), "x:1").with(key, name.clone());
            let endpoint = Endpoint { name: name.clone(), request, ..Endpoint::default() };
            let service = Service { endpoints: vec![endpoint], ..Service::new(name) }.with_node(node);
            let bytes = to_wire(&service).encode_to_vec();
            prop_assert_eq!(of_wire(wire::Service::decode(bytes.as_slice()).unwrap()), service);
        }

        /// Whatever comes becomes a record that can be checked, or none.
        #[test]
        fn garbage_is_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            if let Ok(message) = wire::Service::decode(bytes.as_slice()) {
                drop(limits::check(&of_wire(message)));
            }
        }
    }

    #[test]
    fn types_that_are_too_deep_are_refused() {
        let deep =
            (0..90).fold(wire::Value::default(), |inner, _| wire::Value { values: vec![inner], ..Default::default() });
        let endpoint = wire::Endpoint { name: "A.B".into(), request: Some(deep), ..Default::default() };
        let nodes = vec![wire::Node { id: "1".into(), address: "x:1".into(), ..Default::default() }];
        let service =
            of_wire(wire::Service { name: "s".into(), endpoints: vec![endpoint], nodes, ..Default::default() });
        let error = limits::check(&service).unwrap_err().to_string();
        assert!(error.contains("levels of types"), "{error}");
    }
}
