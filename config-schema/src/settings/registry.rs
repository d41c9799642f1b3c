//! What settings say of `registry:`, which is one registry or a list.
//!
//! A kind takes the place of what the list holds, save for an embedded registry that is *joined*: that one stays and is
//! joined with the new one. What else is said goes to the one registry that it can mean.

use crate::tree::{EditError, Node, Value, set};

/// The setting that says which registry it is.
pub(super) const KIND: &str = "registry.kind";

/// Sets a key of the registry that it means.
pub(super) fn put(tree: &mut Node, key: &'static str, value: Node) -> Result<(), EditError> {
    let mut items = take_items(tree);
    let result = if key == "kind" {
        choose(&mut items, value);
        Ok(())
    } else {
        match place(&mut items, key, &value) {
            Some(item) => set(item, key, value).map(drop),
            None => Err(EditError::NoPlace),
        }
    };
    give_back(tree, items);
    result
}

/// The registries of the document, each in its long form.
fn take_items(tree: &mut Node) -> Vec<Node> {
    let Value::Map(map) = &mut tree.value else { return Vec::new() };
    let Some(entry) = map.get_mut("registry") else { return Vec::new() };
    let span = entry.node.span;
    let node = std::mem::replace(&mut entry.node, Node::map(span));
    match node.value {
        Value::List(items) => items.into_iter().map(long).collect(),
        _ if node.is_null() => Vec::new(),
        _ => vec![long(node)],
    }
}

/// `etcd` becomes `{ kind: etcd }`.
fn long(node: Node) -> Node {
    if node.as_scalar().is_none() {
        return node;
    }
    let mut map = Node::map(node.span);
    set(&mut map, "kind", node).expect("the map was just made");
    map
}

fn give_back(tree: &mut Node, mut items: Vec<Node>) {
    let node = if items.len() > 1 {
        let span = items[0].span;
        Node::new(Value::List(items), span)
    } else {
        match items.pop() {
            Some(only) => only,
            None => return,
        }
    };
    set(tree, "registry", node).expect("a document is a map");
}

fn choose(items: &mut Vec<Node>, kind: Node) {
    let new = kind.as_scalar().map(|scalar| scalar.text.clone()).unwrap_or_default();
    let span = kind.span;
    if let [only] = &mut items[..]
        && !is_joined(only)
    {
        set(only, "kind", kind).ok();
        return;
    }
    let known = items.iter().position(|item| same_kind(&kind_of(item), &new));
    let mut chosen = known.map_or_else(|| Node::map(span), |at| items[at].clone());
    set(&mut chosen, "kind", kind).ok();
    items.retain(|item| is_joined(item) && !same_kind(&kind_of(item), &new));
    items.push(chosen);
}

/// The registry that has such a key: where it listens is said of the embedded one, where it is reached of the only other.
fn place<'i>(items: &'i mut Vec<Node>, key: &str, value: &Node) -> Option<&'i mut Node> {
    if items.is_empty() {
        items.push(Node::map(value.span));
    }
    if items.len() == 1 {
        return items.first_mut();
    }
    let is_own = matches!(key, "listen" | "ttl" | "joined");
    let mut fitting = items.iter_mut().filter(|item| {
        let kind = kind_of(item);
        if is_own { same_kind(&kind, "memory") } else { !same_kind(&kind, "memory") && kind != "mdns" }
    });
    let first = fitting.next();
    if fitting.next().is_some() { None } else { first }
}

fn kind_of(item: &Node) -> String {
    let kind = item.get("kind").and_then(Node::as_scalar);
    kind.map_or_else(|| "memory".to_owned(), |scalar| scalar.text.clone())
}

fn same_kind(one: &str, other: &str) -> bool {
    let plain = |kind: &str| match kind {
        "embedded" => "memory".to_owned(),
        "etcdv3" => "etcd".to_owned(),
        kind => kind.to_owned(),
    };
    plain(one) == plain(other)
}

fn is_joined(item: &Node) -> bool {
    item.get("joined").and_then(Node::as_scalar).is_some_and(|scalar| scalar.text == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        source::{SourceKind, SourceMap, Span},
        tree::parse,
    };

    fn check(yaml: &str, settings: &[(&'static str, &str)], expected: &str) {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("t.yaml".into()), yaml.into());
        let mut tree = parse(yaml, id).tree.unwrap();
        for (key, value) in settings {
            let span = Span::new(id, 0..0);
            let node = match *key {
                "addresses" => Node::new(Value::List(vec![Node::text(*value, span)]), span),
                _ => Node::text(*value, span),
            };
            if put(&mut tree, key, node).is_err() {
                assert_eq!(expected, "no place", "{yaml}");
                return;
            }
        }
        assert_eq!(shown(tree.get("registry").unwrap()), expected, "{yaml}");
    }

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, entry)| format!("{key}={}", shown(&entry.node)));
                entries.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn a_kind_takes_the_place_of_a_list() {
        check("a: 1", &[("kind", "etcd")], "kind=etcd");
        check("registry: etcd", &[("addresses", "x")], "kind=etcd addresses=[x]");
        check("registry: [mdns, memory]", &[("kind", "etcd"), ("addresses", "x")], "kind=etcd addresses=[x]");
        check("registry: [mdns, { kind: embedded, ttl: 5s }]", &[("kind", "memory")], "kind=memory ttl=5s");
        check("registry: { kind: etcd, prefix: p }", &[("kind", "etcdv3")], "kind=etcdv3 prefix=p");
    }

    #[test]
    fn a_joined_registry_stays() {
        let joined = "registry: { kind: memory, joined: true }";
        check(joined, &[("kind", "etcd"), ("addresses", "x")], "[kind=memory joined=true, kind=etcd addresses=[x]]");
        check(joined, &[("kind", "memory"), ("listen", ":1")], "kind=memory joined=true listen=:1");
        check("registry: [{ joined: true }, mdns]", &[("kind", "etcd")], "[joined=true, kind=etcd]");
        check("registry: [{ joined: true }, mdns]", &[("listen", ":1")], "[joined=true listen=:1, kind=mdns]");
    }

    #[test]
    fn what_could_mean_several_means_none() {
        check("registry: [mdns, memory]", &[("listen", ":1")], "[kind=mdns, kind=memory listen=:1]");
        check("registry: [mdns, memory]", &[("addresses", "x")], "no place");
        check("registry: [etcd, service]", &[("addresses", "x")], "no place");
        check("registry: [etcd, memory]", &[("addresses", "x")], "[kind=etcd addresses=[x], kind=memory]");
    }
}
