//! Sets one value: how variables and flags act on the tree.

use super::{Entry, Node, Value};
use crate::{path::Segment, source::Span};

/// Why a value cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EditError {
    /// What should hold the value is no map, or the item of the list is not there.
    NoPlace,
}

/// A step of the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    /// Into a map, by key; the map is made where it is missing.
    Key(&'p str),
    /// Into a list, to the item whose `name` is this.
    Named(&'p str),
}

/// Splits the way to a value: `routes.api[api].handler`, where `[api]` is the item with that name.
pub(crate) fn steps(way: &str) -> impl Iterator<Item = Step<'_>> {
    way.split(['.', '[']).map(|part| part.strip_suffix(']').map_or(Step::Key(part), Step::Named))
}

/// Sets the value at the end of a way; returns the path that it has.
pub(crate) fn set(root: &mut Node, way: &str, value: Node) -> Result<Vec<Segment>, EditError> {
    let span = value.span;
    let mut path = Vec::new();
    let mut node = root;
    for step in steps(way) {
        node = match step {
            Step::Key(key) => {
                path.push(Segment::Key(key.to_owned()));
                child(node, key, span)?
            }
            Step::Named(name) => {
                let (index, item) = named(node, name)?;
                path.push(Segment::Index(index));
                item
            }
        };
    }
    *node = value;
    Ok(path)
}

fn child<'n>(node: &'n mut Node, key: &str, span: Span) -> Result<&'n mut Node, EditError> {
    if node.is_null() {
        *node = Node::map(span);
    }
    let Value::Map(map) = &mut node.value else { return Err(EditError::NoPlace) };
    let missing = || Entry { key: span, node: Node::plain("", span) };
    Ok(&mut map.entry(key.to_owned()).or_insert_with(missing).node)
}

fn named<'n>(node: &'n mut Node, name: &str) -> Result<(usize, &'n mut Node), EditError> {
    let Value::List(items) = &mut node.value else { return Err(EditError::NoPlace) };
    let has_name = |item: &Node| item.get("name").and_then(Node::as_scalar).is_some_and(|scalar| scalar.text == name);
    items.iter_mut().enumerate().find(|(_, item)| has_name(item)).ok_or(EditError::NoPlace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        path::DocumentPath,
        source::{SourceKind, SourceMap},
        tree::parse,
    };

    fn check(yaml: &str, way: &str, expected: Result<&str, EditError>) {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("t.yaml".into()), yaml.into());
        let mut tree = parse(yaml, id).tree.unwrap();
        let value = Node::text("new", Span::new(id, 0..0));
        let path = set(&mut tree, way, value).map(DocumentPath::from);
        if let Ok(path) = &path {
            assert_eq!(tree.at(path).unwrap().as_scalar().unwrap().text, "new");
        }
        assert_eq!(path.map(|path| path.to_string()).as_deref(), expected.as_ref().copied().map_err(|e| *e).as_deref());
    }

    #[test]
    fn values_are_set_and_maps_made_on_the_way() {
        check("a: 1", "a", Ok("a"));
        check("a: 1", "b.c", Ok("b.c"));
        check("b: ~", "b.c", Ok("b.c"));
        check("r: { t: [{ name: x }, { name: y, h: 1 }] }", "r.t[y].h", Ok("r.t[1].h"));
        check("r: { t: [{ name: x }] }", "r.t[y].h", Err(EditError::NoPlace));
        check("a: [1]", "a.b", Err(EditError::NoPlace));
    }
}
