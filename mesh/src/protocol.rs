//! How a node is spoken to.

use mesh_registry::Node;

/// How a node is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// gRPC over HTTP/2 in clear: go-micro's default.
    #[default]
    Grpc,
    /// go-micro's older protocol, over HTTP/1.1.
    Mucp,
    /// Plain HTTP: the endpoint is a path, messages are JSON bodies.
    Http,
}

impl Protocol {
    /// Returns the protocol of that name, as it stands in the label `protocol` of nodes.
    pub fn named(name: &str) -> Option<Protocol> {
        match name {
            "grpc" => Some(Protocol::Grpc),
            "mucp" => Some(Protocol::Mucp),
            "http" => Some(Protocol::Http),
            _ => None,
        }
    }

    /// Returns what the labels of a node say: `protocol`, else `server`. `None` where they say nothing.
    pub fn of(node: &Node) -> Option<Protocol> {
        let label = |key: &str| node.metadata.get(key).and_then(|name| Protocol::named(name));
        label("protocol").or_else(|| label("server"))
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Mucp => "mucp",
            Protocol::Http => "http",
        }
    }
}

#[cfg(test)]
mod tests {
    use mesh_registry::Node;

    use super::Protocol;

    #[test]
    fn labels_say_how_a_node_is_spoken_to() {
        let node = Node::new("n", "127.0.0.1:1");
        assert_eq!(Protocol::of(&node), None);
        assert_eq!(Protocol::of(&node.clone().with("server", "mucp")), Some(Protocol::Mucp));
        assert_eq!(Protocol::of(&node.clone().with("server", "mucp").with("protocol", "http")), Some(Protocol::Http));
        assert_eq!(Protocol::of(&node.with("protocol", "carrier pigeon")), None);
        for protocol in [Protocol::Grpc, Protocol::Mucp, Protocol::Http] {
            assert_eq!(Protocol::named(protocol.name()), Some(protocol));
        }
    }
}
