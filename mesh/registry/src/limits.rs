//! The door of a registry: what a record may be before it is stored or believed.
//!
//! Everything that registers, and everything that is read from another registry, is untrusted. A record that
//! passes has a name and nodes, no text that could confuse a log, a header or a path, and a bounded size.

use std::collections::BTreeSet;

use crate::model::{Endpoint, Metadata, Node, Service, Value};

/// The most bytes of a service name, a node id or a version.
pub const NAME_BYTES_MAX: usize = 255;
/// The most bytes of a node's address.
pub const ADDRESS_BYTES_MAX: usize = 512;
/// The most labels of one service, node or endpoint.
pub const LABELS_MAX: usize = 128;
/// The most bytes of a label's key.
pub const LABEL_KEY_BYTES_MAX: usize = 255;
/// The most bytes of a label's value.
pub const LABEL_VALUE_BYTES_MAX: usize = 4096;
/// The most endpoints of a service.
pub const ENDPOINTS_MAX: usize = 1024;
/// The most bytes of an endpoint's name, which may be an HTTP pattern.
pub const ENDPOINT_NAME_BYTES_MAX: usize = 1024;
/// The most nodes in one record.
pub const NODES_MAX: usize = 1024;
/// The deepest nesting of the types of an endpoint; go-micro publishes three levels.
pub const VALUE_DEPTH_MAX: usize = 16;
/// The most types and fields of one service.
pub const VALUES_MAX: usize = 16_384;

/// Why a record is refused. The text names the field, the limit and the value (shortened).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    /// A field that must say something is empty.
    #[error("{field} is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
    /// A text is too long.
    #[error("{field} has {bytes} bytes, at most {max} are accepted")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A text holds white space or control characters.
    #[error("{field} {text:?} holds {character:?}; neither white space nor control characters are accepted")]
    Character {
        /// Which field.
        field: &'static str,
        /// What it says, shortened.
        text: String,
        /// The first such character.
        character: char,
    },
    /// There are too many of something.
    #[error("{count} {things}, at most {max} are accepted")]
    TooMany {
        /// Of what, in the plural.
        things: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// The back end cannot hold a text.
    #[error("{field} {text:?} cannot be used: {reason}")]
    Unfit {
        /// Which field.
        field: &'static str,
        /// What it says, shortened.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two nodes of one record have the same id.
    #[error("node id {id:?} occurs twice")]
    DuplicateNode {
        /// The id.
        id: String,
    },
}

/// Checks a record that is to be registered or believed: names, addresses, labels, endpoints, and one node or more.
///
/// ```
/// use mesh_registry::{Node, Service, limits};
///
/// assert!(limits::check(&Service::new("greeter").with_node(Node::new("1", "127.0.0.1:9090"))).is_ok());
/// let error = limits::check(&Service::new("greeter")).unwrap_err();
/// assert_eq!(error.to_string(), "the list of nodes is empty");
/// ```
///
/// # Errors
/// The first limit that the record breaks.
pub fn check(service: &Service) -> Result<(), InvalidRecord> {
    check_identity(service)?;
    check_labels(&service.metadata)?;
    check_endpoints(&service.endpoints)?;
    if service.nodes.is_empty() {
        return Err(InvalidRecord::Empty { field: "the list of nodes" });
    }
    service.nodes.iter().try_for_each(|node| {
        check_address(&node.address)?;
        check_labels(&node.metadata)
    })
}

/// Checks only what names a service and its nodes: enough to take them away again.
///
/// # Errors
/// As [`check`].
pub fn check_identity(service: &Service) -> Result<(), InvalidRecord> {
    check_name("the service name", &service.name)?;
    if !service.version.is_empty() {
        check_name("the version", &service.version)?;
    }
    check_count("nodes", service.nodes.len(), NODES_MAX)?;
    let mut ids = BTreeSet::new();
    for Node { id, .. } in &service.nodes {
        check_name("the node id", id)?;
        if !ids.insert(id) {
            return Err(InvalidRecord::DuplicateNode { id: shorten(id) });
        }
    }
    Ok(())
}

fn check_name(field: &'static str, text: &str) -> Result<(), InvalidRecord> {
    check_text(field, text, NAME_BYTES_MAX)
}

fn check_address(address: &str) -> Result<(), InvalidRecord> {
    check_text("the node address", address, ADDRESS_BYTES_MAX)
}

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), InvalidRecord> {
    if text.is_empty() {
        return Err(InvalidRecord::Empty { field });
    }
    check_length(field, text, max)?;
    match text.chars().find(|character| character.is_whitespace() || character.is_control()) {
        Some(character) => Err(InvalidRecord::Character { field, text: shorten(text), character }),
        None => Ok(()),
    }
}

fn check_length(field: &'static str, text: &str, max: usize) -> Result<(), InvalidRecord> {
    if text.len() > max { Err(InvalidRecord::TooLong { field, bytes: text.len(), max }) } else { Ok(()) }
}

fn check_count(things: &'static str, count: usize, max: usize) -> Result<(), InvalidRecord> {
    if count > max { Err(InvalidRecord::TooMany { things, count, max }) } else { Ok(()) }
}

fn check_labels(labels: &Metadata) -> Result<(), InvalidRecord> {
    check_count("labels", labels.len(), LABELS_MAX)?;
    labels.iter().try_for_each(|(key, value)| {
        check_text("a label's key", key, LABEL_KEY_BYTES_MAX)?;
        check_length("a label's value", value, LABEL_VALUE_BYTES_MAX)
    })
}

fn check_endpoints(endpoints: &[Endpoint]) -> Result<(), InvalidRecord> {
    check_count("endpoints", endpoints.len(), ENDPOINTS_MAX)?;
    let mut count = 0;
    for endpoint in endpoints {
        check_text("an endpoint's name", &endpoint.name, ENDPOINT_NAME_BYTES_MAX)?;
        check_labels(&endpoint.metadata)?;
        for value in endpoint.request.iter().chain(&endpoint.response) {
            check_value(value, 1, &mut count)?;
        }
    }
    Ok(())
}

/// Recursion ends at [`VALUE_DEPTH_MAX`].
fn check_value(value: &Value, depth: usize, count: &mut usize) -> Result<(), InvalidRecord> {
    *count += 1;
    check_count("levels of types", depth, VALUE_DEPTH_MAX)?;
    check_count("types and fields", *count, VALUES_MAX)?;
    check_length("a field's name", &value.name, NAME_BYTES_MAX)?;
    check_length("a field's type", &value.kind, NAME_BYTES_MAX)?;
    value.values.iter().try_for_each(|child| check_value(child, depth + 1, count))
}

/// What of a text goes into a message.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, InvalidRecord, Node, Service, Value, check};

    fn service() -> Service {
        Service::new("go.micro.srv.greeter").with_node(Node::new("greeter-1", "127.0.0.1:9090"))
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Service), expected: &str) {
        let mut service = service();
        change(&mut service);
        assert_eq!(check(&service).as_ref().map_err(InvalidRecord::to_string), Err(expected.to_owned()));
    }

    #[test]
    fn ordinary_and_unusual_names_pass() {
        for name in ["go.micro.srv.greeter", "go.micro/greeter", "a<b>", "žluťoučký", "-"] {
            assert_eq!(check(&Service { name: name.to_owned(), ..service() }), Ok(()), "{name}");
        }
        assert_eq!(check(&Service { version: String::new(), ..service() }), Ok(()));
    }

    #[test]
    fn empty_and_long_texts_are_refused() {
        check_refused(|service| service.name.clear(), "the service name is empty");
        check_refused(
            |service| service.name = "x".repeat(256),
            "the service name has 256 bytes, at most 255 are accepted",
        );
        check_refused(
            |service| service.version = "x".repeat(256),
            "the version has 256 bytes, at most 255 are accepted",
        );
        check_refused(|service| service.nodes.clear(), "the list of nodes is empty");
        check_refused(|service| service.nodes[0].id.clear(), "the node id is empty");
        check_refused(|service| service.nodes[0].address.clear(), "the node address is empty");
        check_refused(
            |service| service.nodes[0].address = "x".repeat(513),
            "the node address has 513 bytes, at most 512 are accepted",
        );
    }

    #[test]
    fn characters_that_break_lines_are_refused() {
        check_refused(
            |service| service.name = "a\nb".into(),
            r#"the service name "a\nb" holds '\n'; neither white space nor control characters are accepted"#,
        );
        check_refused(
            |service| service.nodes[0].address = "127.0.0.1 :80".into(),
            r#"the node address "127.0.0.1 :80" holds ' '; neither white space nor control characters are accepted"#,
        );
    }

    #[test]
    fn labels_are_bounded() {
        let many = |count: usize| (0..count).map(|at| (at.to_string(), String::new())).collect();
        check_refused(|service| service.metadata = many(129), "129 labels, at most 128 are accepted");
        check_refused(|service| service.nodes[0].metadata = many(129), "129 labels, at most 128 are accepted");
        check_refused(|service| service.metadata = [(String::new(), String::new())].into(), "a label's key is empty");
        check_refused(
            |service| service.metadata = [("k".to_owned(), "x".repeat(4097))].into(),
            "a label's value has 4097 bytes, at most 4096 are accepted",
        );
    }

    #[test]
    fn endpoints_and_their_types_are_bounded() {
        let endpoint = |request| Endpoint { name: "A.B".into(), request: Some(request), ..Endpoint::default() };
        check_refused(|service| service.endpoints = vec![Endpoint::default()], "an endpoint's name is empty");
        check_refused(
            |service| service.endpoints = vec![endpoint(Value::default()); 1025],
            "1025 endpoints, at most 1024 are accepted",
        );
        let wide = Value { values: vec![Value::default(); 16_384], ..Value::default() };
        check_refused(
            |service| service.endpoints = vec![endpoint(wide)],
            "16385 types and fields, at most 16384 are accepted",
        );
        let deep = (0..16).fold(Value::default(), |inner, _| Value { values: vec![inner], ..Value::default() });
        check_refused(
            |service| service.endpoints = vec![endpoint(deep)],
            "17 levels of types, at most 16 are accepted",
        );
    }

    #[test]
    fn nodes_are_bounded_and_unique() {
        let node = |id: usize| Node::new(id.to_string(), "x:1");
        check_refused(|service| service.nodes = (0..1025).map(node).collect(), "1025 nodes, at most 1024 are accepted");
        check_refused(|service| service.nodes = vec![node(1), node(1)], r#"node id "1" occurs twice"#);
    }
}
