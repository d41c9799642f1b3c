//! The owned tree that all texts become: values with the place each came from.
//!
//! Merging, expansion of `${VAR}`, environment and flags act on this tree; typed values are read from it last. A
//! scalar keeps its text as written, what it *is* (number, truth value, …) is decided when it is asked for.

mod anchors;
mod edit;
mod expand;
mod merge;
mod parse;
mod scalar;
mod syntax;

use indexmap::IndexMap;

use crate::{
    document::SHORT_FORMS,
    path::{DocumentPath, Segment, Step},
    source::Span,
};

pub(crate) use edit::{EditError, set};
pub(crate) use expand::expand;
pub(crate) use merge::merge;
pub(crate) use parse::parse;
pub(crate) use scalar::Resolved;
pub(crate) use syntax::unquoted_brace;

/// How deep a document may be nested.
pub const DEPTH_MAX: usize = 64;

/// How large one file may be, in bytes.
pub const FILE_BYTES_MAX: usize = 32 << 20;

/// How many values one file may hold; a route has about ten.
pub const NODES_MAX: usize = 4_000_000;

/// How many values aliases may copy in one file.
pub const ALIAS_NODES_MAX: usize = 100_000;

/// How many bytes of text aliases and variables may add to one file.
pub const EXPANSION_BYTES_MAX: usize = 8 << 20;

/// A value with the place it came from.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// All of the value in its source; a collection runs to its end.
    pub(crate) span: Span,
    /// Names of the variables that were expanded in it; nearly always none.
    pub(crate) expanded: Option<Box<[String]>>,
    /// Whether a finding was made of it already: what is wrong further down would only repeat it.
    pub(crate) reported: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Box<Map>),
}

/// A scalar: its text after escapes, and whether it was written plain (only then it may be more than text).
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) plain: bool,
}

/// A map in the order of the document.
pub(crate) type Map = IndexMap<String, Entry>;

/// A value with its key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Span,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn new(value: Value, span: Span) -> Self {
        Self { value, span, expanded: None, reported: false }
    }

    pub(crate) fn text(text: impl Into<String>, span: Span) -> Self {
        Self::new(Value::Scalar(Scalar { text: text.into(), plain: false }), span)
    }

    pub(crate) fn plain(text: impl Into<String>, span: Span) -> Self {
        Self::new(Value::Scalar(Scalar { text: text.into(), plain: true }), span)
    }

    pub(crate) fn map(span: Span) -> Self {
        Self::new(Value::Map(Box::default()), span)
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| matches!(scalar.resolve(), Resolved::Null))
    }

    /// Returns the value of a key that is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// Returns the value at a path, if it is there.
    pub(crate) fn at(&self, path: &DocumentPath) -> Option<&Self> {
        path.segments().iter().try_fold(self, |node, segment| match segment {
            Segment::Key(key) => Some(&node.as_map()?.get(key)?.node),
            Segment::Index(index) => node.as_list()?.get(*index),
        })
    }

    /// Returns what was written for the value at a path, if anything was. A short form (`retry: 2`) was written for the
    /// one value that it gives (`retry.attempts`), one value for a list of one.
    pub(crate) fn source_of(&self, path: &DocumentPath) -> Option<&Self> {
        let mut node = self;
        for segment in path.segments() {
            node = match (segment, &node.value) {
                (Segment::Key(key), Value::Map(map)) => map.get(key).map(|entry| &entry.node),
                (Segment::Index(index), Value::List(items)) => items.get(*index),
                (Segment::Index(0), _) => Some(node),
                (Segment::Key(key), Value::Scalar(_)) => {
                    SHORT_FORMS.iter().any(|(_, short)| short == key).then_some(node)
                }
                _ => None,
            }?;
        }
        (!node.is_null()).then_some(node)
    }

    /// Returns the value at a path, to be marked.
    pub(crate) fn at_mut(&mut self, path: &DocumentPath) -> Option<&mut Self> {
        path.segments().iter().try_fold(self, |node, segment| match (segment, &mut node.value) {
            (Segment::Key(key), Value::Map(map)) => map.get_mut(key).map(|entry| &mut entry.node),
            (Segment::Index(index), Value::List(items)) => items.get_mut(*index),
            _ => None,
        })
    }

    /// Returns where to point for the value at a path: a scalar itself, the key of a collection. Where the path
    /// leads beyond what was written (a default, a short form), the nearest value that holds it.
    pub(crate) fn mark(&self, path: &DocumentPath) -> Span {
        let mut node = self;
        let mut mark = self.span;
        for segment in path.segments() {
            let next = match segment {
                Segment::Key(key) => node.as_map().and_then(|map| map.get(key)).map(|e| (&e.node, Some(e.key))),
                Segment::Index(index) => node.as_list().and_then(|items| items.get(*index)).map(|item| (item, None)),
            };
            let Some((child, key)) = next else { break };
            mark = child.mark_with(key);
            node = child;
        }
        mark
    }

    /// Returns the key at a path, where the last step is one; else as [`Node::mark`].
    pub(crate) fn key_mark(&self, path: &DocumentPath) -> Span {
        let parent = path.parent().and_then(|parent| self.at(&parent)).and_then(Self::as_map);
        match (parent, path.segments().last()) {
            (Some(map), Some(Segment::Key(key))) => map.get(key).map_or_else(|| self.mark(path), |entry| entry.key),
            _ => self.mark(path),
        }
    }

    /// Returns where to point for this value: a scalar itself; for a collection, or nothing, the key in front of it.
    pub(crate) fn mark_with(&self, key: Option<Span>) -> Span {
        match (&self.value, key) {
            (Value::Scalar(_), Some(key)) if self.span.start == self.span.end => key,
            (Value::Scalar(_), _) | (_, None) => self.span,
            (_, Some(key)) => key,
        }
    }

    /// Returns the words for what this is, with an article where there is one.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) => scalar.describe(),
        }
    }

    /// Calls `visit` for this node and everything below it, parents first.
    pub(crate) fn walk<'t>(&'t self, path: &mut Vec<Step<'t>>, visit: &mut dyn FnMut(&[Step<'t>], &'t Self)) {
        visit(path, self);
        for (step, child) in self.children() {
            path.push(step);
            child.walk(path, visit);
            path.pop();
        }
    }

    /// Calls `visit` for every node whose path fits a pattern such as `routes.*.[].handler`: `*` stands for any key or
    /// index, `[]` for any index. Only the way to them is walked.
    pub(crate) fn select<'t>(&'t self, pattern: &str, visit: &mut dyn FnMut(&[Step<'t>], &'t Self)) {
        let pattern: Vec<&str> = pattern.split('.').collect();
        self.select_below(&pattern, &mut Vec::new(), visit);
    }

    fn select_below<'t>(
        &'t self,
        pattern: &[&str],
        path: &mut Vec<Step<'t>>,
        visit: &mut dyn FnMut(&[Step<'t>], &'t Self),
    ) {
        let Some((first, rest)) = pattern.split_first() else { return visit(path, self) };
        let fitting: &mut dyn Iterator<Item = (Step<'t>, &'t Self)> = match (*first, self.as_map()) {
            ("*", _) => &mut self.children(),
            ("[]", _) => &mut self.items(),
            (key, map) => &mut map.and_then(|map| map.get_key_value(key)).map(step_into).into_iter(),
        };
        for (step, child) in fitting {
            path.push(step);
            child.select_below(rest, path, visit);
            path.pop();
        }
    }

    fn children(&self) -> impl Iterator<Item = (Step<'_>, &Self)> {
        self.items().chain(self.as_map().into_iter().flatten().map(step_into))
    }

    fn items(&self) -> impl Iterator<Item = (Step<'_>, &Self)> {
        let items = self.as_list().into_iter().flatten().enumerate();
        items.map(|(index, item)| (Step::Index(index), item))
    }
}

fn step_into<'t>((key, entry): (&'t String, &'t Entry)) -> (Step<'t>, &'t Node) {
    (Step::Key(key), &entry.node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceKind, SourceMap};

    #[test]
    fn patterns_select_keys_and_indices() {
        let yaml = "routes: { a: [{ handler: x }, { name: y }], b: [{ handler: { handler: z } }] }\nhandler: no\n";
        let id = SourceMap::default().add(SourceKind::File("t.yaml".into()), yaml.into());
        let tree = parse(yaml, id).tree.unwrap();
        let mut found = Vec::new();
        tree.select("routes.*.[].handler", &mut |path, _| found.push(DocumentPath::from(path).to_string()));
        assert_eq!(found, ["routes.a[0].handler", "routes.b[0].handler"]);
    }
}
