//! The later document wins: maps by key, lists and scalars as a whole.

use indexmap::map;

use super::{Node, Value};

/// Merges `over` into `base`. A key that is null in `over` is null afterwards: it takes away what was there.
pub(crate) fn merge(base: &mut Node, over: Node) {
    match (&mut base.value, over.value) {
        (Value::Map(base_map), Value::Map(over_map)) => {
            base.span = over.span;
            base.reported |= over.reported;
            for (key, entry) in *over_map {
                match base_map.entry(key) {
                    map::Entry::Vacant(vacant) => {
                        vacant.insert(entry);
                    }
                    map::Entry::Occupied(mut occupied) => {
                        let below = occupied.get_mut();
                        below.key = entry.key;
                        merge(&mut below.node, entry.node);
                    }
                }
            }
        }
        (below, value) => {
            *below = value;
            base.span = over.span;
            base.expanded = over.expanded;
            base.reported = over.reported;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        source::{SourceKind, SourceMap},
        tree::parse,
    };

    fn check(base: &str, over: &str, path: &str, expected: Option<&str>) {
        let mut sources = SourceMap::default();
        let mut tree = |text: &str| {
            let id = sources.add(SourceKind::File("t.yaml".into()), text.into());
            parse(text, id).tree.unwrap()
        };
        let (mut base, over) = (tree(base), tree(over));
        merge(&mut base, over);
        let found =
            base.at(&path.parse().unwrap()).and_then(|node| node.as_scalar()).map(|scalar| scalar.text.as_str());
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn maps_merge_by_key_and_the_rest_is_replaced() {
        check("a: { b: 1, c: 2 }", "a: { c: 3 }", "a.b", Some("1"));
        check("a: { b: 1, c: 2 }", "a: { c: 3 }", "a.c", Some("3"));
        check("a: [1, 2]", "a: [3]", "a[0]", Some("3"));
        check("a: [1, 2]", "a: [3]", "a[1]", None);
        check("a: { b: 1 }", "a: x", "a", Some("x"));
        check("a: x", "a: { b: 1 }", "a.b", Some("1"));
        check("a: { b: 1 }", "a: ~", "a.b", None);
    }
}
