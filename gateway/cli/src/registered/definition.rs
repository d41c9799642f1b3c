//! A service as `micro register service` is given it: JSON, read and refused as Go's decoder does.

use mesh_registry::Service;
use serde_json::{Map, Value};

use crate::go_json::{first_value, kind};
use crate::session::Failure;

/// What Go's decoder expects somewhere.
enum Shape {
    Text,
    Labels,
    List(&'static Shape),
    /// A record with the name of its type and its members.
    Record(&'static str, &'static [(&'static str, &'static Shape)]),
}

static VALUE: Shape =
    Shape::Record("Value", &[("name", &Shape::Text), ("type", &Shape::Text), ("values", &Shape::List(&VALUE))]);
static ENDPOINT: Shape = Shape::Record(
    "Endpoint",
    &[("name", &Shape::Text), ("request", &VALUE), ("response", &VALUE), ("metadata", &Shape::Labels)],
);
static NODE: Shape =
    Shape::Record("Node", &[("id", &Shape::Text), ("address", &Shape::Text), ("metadata", &Shape::Labels)]);
static SERVICE: Shape = Shape::Record(
    "Service",
    &[
        ("name", &Shape::Text),
        ("version", &Shape::Text),
        ("metadata", &Shape::Labels),
        ("endpoints", &Shape::List(&ENDPOINT)),
        ("nodes", &Shape::List(&NODE)),
    ],
);

/// Reads the definition that words make, joined by blanks. Members match in any case, unknown ones are ignored, what
/// follows the object is not looked at; a node may have its `port` beside its address, as in the manual.
///
/// # Errors
/// In the words of Go, as far as it has any.
pub(super) fn of_words(words: &[String]) -> Result<Service, Failure> {
    let mut value = first_value(&words.join(" ")).map_err(Failure)?;
    if value.is_null() {
        return Err(Failure("require service definition".to_owned()));
    }
    if let Some(reason) = mismatch(&value, &SERVICE, "", "") {
        return Err(Failure(format!("json: cannot unmarshal {reason}")));
    }
    join_ports(&mut value);
    let service: Service = serde_json::from_value(value).map_err(|error| Failure::of(&error))?;
    if service.nodes.is_empty() {
        return Err(Failure("Require at least one node".to_owned()));
    }
    Ok(service)
}

/// Says where a value is not what is expected: `number into Go struct field Service.name of type string`.
fn mismatch(value: &Value, shape: &Shape, record: &str, path: &str) -> Option<String> {
    let wrong = || {
        let place = if path.is_empty() { "value".to_owned() } else { format!("struct field {record}.{path}") };
        Some(format!("{} into Go {place} of type {}", kind(value), type_name(shape)))
    };
    match (shape, value) {
        (_, Value::Null) | (Shape::Text, Value::String(_)) => None,
        (Shape::Labels, Value::Object(labels)) => {
            labels.values().find_map(|label| mismatch(label, &Shape::Text, record, path))
        }
        (Shape::List(of), Value::Array(items)) => items.iter().find_map(|item| mismatch(item, of, record, path)),
        (Shape::Record(name, members), Value::Object(given)) => given.iter().find_map(|(key, value)| {
            let (member, shape) = members.iter().find(|(member, _)| key.eq_ignore_ascii_case(member))?;
            let path = if path.is_empty() { (*member).to_owned() } else { format!("{path}.{member}") };
            mismatch(value, shape, name, &path)
        }),
        _ => wrong(),
    }
}

fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Text => "string".to_owned(),
        Shape::Labels => "map[string]string".to_owned(),
        Shape::List(of) => format!("[]*{}", type_name(of)),
        Shape::Record(name, _) => format!("registry.{name}"),
    }
}

/// Puts the port of a node behind its address, where it has one of its own (spec/manual 15.6).
fn join_ports(service: &mut Value) {
    let nodes = service.as_object_mut().and_then(|service| member(service, "nodes"));
    for node in nodes.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        let port = member(node, "port").map(|port| port.as_str().map_or_else(|| port.to_string(), str::to_owned));
        let Some(port) = port.filter(|port| port.parse::<u16>().is_ok_and(|port| port != 0)) else { continue };
        if let Some(Value::String(address)) = member(node, "address") {
            let is_bare_v6 = address.matches(':').count() > 1 && !address.starts_with('[');
            *address = if is_bare_v6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
        }
    }
}

fn member<'v>(object: &'v mut Map<String, Value>, name: &str) -> Option<&'v mut Value> {
    object.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        assert_eq!(of_words(&words).unwrap_err().to_string(), expected, "{text}");
    }

    /// As the real one prints them.
    #[test]
    fn what_is_no_definition_is_refused_in_the_words_of_go() {
        refused("{name}", "invalid character 'n' looking for beginning of object key string");
        refused("", "EOF");
        refused("{\"name\":", "unexpected EOF");
        refused("[]", "json: cannot unmarshal array into Go value of type registry.Service");
        refused("5", "json: cannot unmarshal number into Go value of type registry.Service");
        let field = |text: &str, what: &str| refused(text, &format!("json: cannot unmarshal {what}"));
        field(r#"{"name":1}"#, "number into Go struct field Service.name of type string");
        field(r#"{"nodes":[{"id":5}]}"#, "number into Go struct field Node.nodes.id of type string");
        field(r#"{"nodes":{}}"#, "object into Go struct field Service.nodes of type []*registry.Node");
        field(r#"{"nodes":[5]}"#, "number into Go struct field Service.nodes of type registry.Node");
        field(r#"{"metadata":[]}"#, "array into Go struct field Service.metadata of type map[string]string");
        field(r#"{"nodes":[{"metadata":{"a":1}}]}"#, "number into Go struct field Node.nodes.metadata of type string");
        field(
            r#"{"endpoints":[{"request":{"values":[{"name":true}]}}]}"#,
            "bool into Go struct field Value.endpoints.request.values.name of type string",
        );
        refused("null", "require service definition");
        refused(r#"{"name":"a","nodes":[]}"#, "Require at least one node");
    }

    #[test]
    fn a_definition_is_read_as_liberally_as_by_go() {
        let words = [r#"{"NAME":"foo","unknown":1,"Nodes":[{"ID":"foo-1","#, r#""Address":"127.0.0.1:5"}]} x"#];
        let service = of_words(&words.map(str::to_owned)).unwrap();
        assert_eq!((service.name.as_str(), service.nodes[0].address.as_str()), ("foo", "127.0.0.1:5"));
        assert_eq!(service.version, "");
    }

    #[test]
    fn a_port_may_stand_beside_the_address() {
        let address = |node: &str| {
            let text = format!(r#"{{"name":"foo","nodes":[{{"id":"1",{node}}}]}}"#);
            of_words(&[text]).unwrap().nodes[0].address.clone()
        };
        assert_eq!(address(r#""address":"127.0.0.1","port":8080"#), "127.0.0.1:8080");
        assert_eq!(address(r#""address":"::1","port":"8080""#), "[::1]:8080");
        assert_eq!(address(r#""address":"127.0.0.1:1","port":0"#), "127.0.0.1:1");
    }
}
