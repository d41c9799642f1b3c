//! What `micro network` asks the service `go.micro.network`, in JSON (spec/mesh 3.12). `list nodes` and `list routes`
//! are the same.

pub(crate) mod dns;
mod table;

use mesh::Request;
use serde_json::{Value, json};

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, json_text};
use crate::session::{self, Failure, Session};
use table::table;

const SERVICE: &str = "go.micro.network";
/// A metric that is no distance: the route is not to be used.
const METRIC_INFINITE: i64 = i64::MAX;

/// `micro network nodes`.
pub(crate) fn nodes(invocation: &Invocation) -> Exit {
    ask(invocation, &Request::new(SERVICE, "Network.Nodes"), &json!({}), |answer| {
        let rows: Vec<_> = list(answer.get("nodes")).map(|node| cells(node, &["id", "address"])).collect();
        table(&["ID", "ADDRESS"], &rows)
    })
}

/// `micro network connections`: the peers of this node.
pub(crate) fn connections(invocation: &Invocation) -> Exit {
    ask(invocation, &Request::new(SERVICE, "Network.Graph"), &json!({ "depth": 1 }), |answer| {
        let peers = list(answer.get("root").and_then(|root| root.get("peers")));
        let rows = peers.map(|peer| cells(peer.get("node").unwrap_or(&Value::Null), &["id", "address"]));
        table(&["NODE", "ADDRESS"], &rows.collect::<Vec<_>>())
    })
}

/// `micro network routes`.
pub(crate) fn routes(invocation: &Invocation) -> Exit {
    let wanted = |flag: &&str| Some(((*flag).to_owned(), Value::from(invocation.values.given(flag)?)));
    let query: Value = ["service", "address", "gateway", "router", "network"].iter().filter_map(wanted).collect();
    ask(invocation, &Request::new(SERVICE, "Network.Routes"), &json!({ "query": query }), |answer| {
        let columns = ["service", "address", "gateway", "router", "network", "metric", "link"];
        let mut rows: Vec<_> = list(answer.get("routes")).map(|route| cells(route, &columns)).collect();
        for metric in rows.iter_mut().filter_map(|row| row.get_mut(5)) {
            if metric.parse() == Ok(METRIC_INFINITE) {
                "∞".clone_into(metric);
            }
        }
        rows.sort_by(|a, b| a.first().cmp(&b.first()));
        table(&columns.map(str::to_uppercase), &rows)
    })
}

/// `micro network services`.
pub(crate) fn services(invocation: &Invocation) -> Exit {
    ask(invocation, &Request::new(SERVICE, "Network.Services"), &json!({}), |answer| {
        let mut names: Vec<&str> = list(answer.get("services")).filter_map(Value::as_str).collect();
        names.sort_unstable();
        names.join("\n")
    })
}

/// `micro network graph`.
pub(crate) fn graph(invocation: &Invocation) -> Exit {
    ask(invocation, &Request::new(SERVICE, "Network.Graph"), &json!({}), indented)
}

/// `micro network connect ADDRESS…`. Without an address there is nothing to do.
pub(crate) fn connect(invocation: &Invocation) -> Exit {
    if invocation.words().is_empty() {
        return Exit::Done;
    }
    let nodes: Vec<Value> = invocation.words().iter().map(|address| json!({ "address": address })).collect();
    ask(invocation, &Request::new(SERVICE, "Network.Connect"), &json!({ "nodes": nodes }), indented)
}

/// Calls a service with JSON and prints what comes.
fn ask(invocation: &Invocation, call: &Request<'_>, message: &Value, shown: impl Fn(&Value) -> String) -> Exit {
    session::run(invocation, async |session: Session<'_>| {
        let answer = session.client.call(call, message.to_string().as_bytes()).await;
        let answer: Value = serde_json::from_slice(&answer.map_err(|error| Failure::of(&error))?)
            .map_err(|error| Failure(format!("the answer of {} is no JSON: {error}", call.service)))?;
        Ok(match session.invocation.output {
            Output::Json => json_text(&answer),
            Output::Text => shown(&answer),
        })
    })
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// Returns the members of these names; numbers come as texts or as numbers.
fn cells(value: &Value, names: &[&str]) -> Vec<String> {
    let cell = |name: &&str| match value.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    names.iter().map(cell).collect()
}

/// JSON with its keys in order, a tab for each level.
fn indented(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&value, &mut serializer).expect("a value always serialises");
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_texts() {
        let route = json!({ "service": "a", "metric": "10", "link": 5 });
        assert_eq!(cells(&route, &["service", "metric", "link", "router"]), ["a", "10", "5", ""]);
    }

    #[test]
    fn a_graph_has_its_keys_in_order() {
        assert_eq!(indented(&json!({ "b": [1], "a": {} })), "{\n\t\"a\": {},\n\t\"b\": [\n\t\t1\n\t]\n}");
    }
}
