//! A service as `micro get service` prints it (spec/toolkit 1.8).

use std::collections::BTreeMap;

use mesh_registry::{Endpoint, Node, Service, Value};

use super::snake_case::snake_case;

/// Returns the versions with their nodes, then the endpoints of the first. `aligned` puts the columns of nodes below
/// one another; else tabs stand between them. Without the last line feed.
pub(super) fn of(versions: &[Service], aligned: bool) -> String {
    let Some(first) = versions.first() else { return String::new() };
    let mut lines = vec![format!("service  {}", first.name)];
    for service in versions {
        if !service.version.is_empty() {
            lines.push(format!("\nversion {}", service.version));
        }
        let rows = service.nodes.iter().map(row);
        let rows: Vec<_> = std::iter::once(["\nID", "Address", "Metadata"].map(str::to_owned)).chain(rows).collect();
        lines.extend(if aligned { columns(&rows) } else { rows.iter().map(|row| row.join("\t")).collect() });
    }
    for Endpoint { name, request, response, metadata } in &first.endpoints {
        lines.push(format!("\nEndpoint: {name}\n"));
        if !metadata.is_empty() {
            lines.push(format!("Metadata: {}\n", labels(metadata)));
        }
        lines.push(format!("Request: {}\n\nResponse: {}\n", fields(request.as_ref()), fields(response.as_ref())));
    }
    lines.join("\n")
}

fn row(node: &Node) -> [String; 3] {
    [node.id.clone(), node.address.clone(), labels(&node.metadata)]
}

/// `key=value` by commas, sorted by key.
fn labels(metadata: &BTreeMap<String, String>) -> String {
    metadata.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn columns(rows: &[[String; 3]]) -> Vec<String> {
    let width = |at: usize| rows.iter().map(|row| row[at].trim().chars().count()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let line = |row: &[String; 3]| {
        let [id, address, labels] = row;
        let blank = if id.starts_with('\n') { "\n" } else { "" };
        format!("{blank}{:first$}  {address:second$}  {labels}", id.trim()).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn fields(value: Option<&Value>) -> String {
    match value {
        Some(value) if !value.values.is_empty() => {
            let fields: String = value.values.iter().map(|field| line_of(field, 1)).collect();
            format!("{{\n{fields}}}")
        }
        _ => "{}".to_owned(),
    }
}

fn line_of(Value { name, kind, values }: &Value, depth: usize) -> String {
    let tabs = "\t".repeat(depth);
    let name = snake_case(name);
    if values.is_empty() {
        return format!("{tabs}{name} {kind}\n");
    }
    let fields: String = values.iter().map(|field| line_of(field, depth + 1)).collect();
    format!("{tabs}{name} {kind} {{\n{fields}{tabs}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, kind: &str, values: Vec<Value>) -> Value {
        Value { name: name.to_owned(), kind: kind.to_owned(), values }
    }

    fn service() -> Service {
        let inner = value("nestedValue", "Inner", vec![value("x", "int64", Vec::new())]);
        let request = value("Req", "Req", vec![value("fooBar", "string", Vec::new()), inner]);
        let metadata = [("stream", "true"), ("k", "v")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let endpoint = Endpoint {
            name: "Foo.Bar".to_owned(),
            request: Some(request),
            response: Some(value("Rsp", "Rsp", Vec::new())),
            metadata: metadata.into(),
        };
        let node = Node::new("foo-1", "127.0.0.1:9").with("zone", "z").with("a", "");
        Service { version: "1.2".to_owned(), endpoints: vec![endpoint], ..Service::new("foo").with_node(node) }
    }

    #[test]
    fn piped_it_has_tabs() {
        let expected = "service  foo\n\nversion 1.2\n\nID\tAddress\tMetadata\nfoo-1\t127.0.0.1:9\ta=,zone=z\n\n\
                        Endpoint: Foo.Bar\n\nMetadata: k=v,stream=true\n\nRequest: {\n\tfoo_bar string\n\t\
                        nested_value Inner {\n\t\tx int64\n\t}\n}\n\nResponse: {}\n";
        assert_eq!(of(&[service()], false), expected);
    }

    #[test]
    fn a_terminal_shows_columns() {
        let versions = [service(), Service { version: String::new(), endpoints: Vec::new(), ..service() }];
        let text = of(&versions, true);
        let table = "\n\nID     Address      Metadata\nfoo-1  127.0.0.1:9  a=,zone=z\n";
        assert!(
            text.starts_with(&format!(
                "service  foo\n\nversion 1.2{table}{}\nEndpoint",
                table.trim_start_matches("\n\n").replacen("ID", "\nID", 1)
            )),
            "{text}"
        );
    }
}
