//! Reads one item after the other and notes all that is wrong with it.

use std::{cell::RefCell, hash::Hash};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::{
    cursor::Cursor,
    failure::{Failure, Kind, Raw},
};
use crate::{
    diagnostic::{Code, Diagnostic, Fix},
    path::{DocumentPath, Segment},
    schema::{self, Bounds},
    source::{SourceMap, Span},
    suggest::did_you_mean,
    tree::{Entry, Node, Resolved, unquoted_brace},
};

/// One item is read again at most so often; an item with more errors than this is reported in part.
const PASSES_MAX: usize = 64;

/// Reads typed values from the tree and notes what is wrong.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    sources: &'s SourceMap,
    pub(crate) findings: Vec<Diagnostic>,
    /// Where secrets stand: to be masked before anything is printed.
    pub(crate) secrets: Vec<Span>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(sources: &'s SourceMap) -> Self {
        Self { sources, findings: Vec::new(), secrets: Vec::new() }
    }

    /// Reads one value, with as many passes as it has errors. What can be read without the values in error is
    /// returned, so that later checks see most of it.
    pub(crate) fn value<T: DeserializeOwned>(&mut self, path: &[Segment], node: &Node, key: Option<Span>) -> Option<T> {
        self.bounded(path, node, key, Bounds::default())
    }

    /// Reads one value within bounds.
    pub(crate) fn bounded<T: DeserializeOwned>(
        &mut self,
        path: &[Segment],
        node: &Node,
        key: Option<Span>,
        bounds: Bounds,
    ) -> Option<T> {
        if node.reported {
            return None;
        }
        let pass = Pass::new(self.sources);
        let place = Place::Root(path);
        let target = Target { node, mark: node.mark_with(key) };
        let mut value = None;
        for _ in 0..PASSES_MAX {
            let noted = pass.noted();
            match T::deserialize(Cursor::new(target, &place, &pass).bounded(bounds)) {
                Ok(read) => value = Some(read),
                Err(failure) => {
                    pass.note(&place, target, failure);
                    if pass.noted() > noted && !pass.is_aside(node) {
                        continue;
                    }
                }
            }
            break;
        }
        self.findings.append(&mut pass.findings.take());
        self.secrets.append(&mut pass.secrets.take());
        value
    }

    /// Reads a map of named items, each on its own.
    pub(crate) fn named<K, V>(&mut self, path: &[Segment], node: &Node, key: Option<Span>) -> IndexMap<K, V>
    where
        K: DeserializeOwned + Hash + Eq,
        V: DeserializeOwned,
    {
        self.named_with(path, node, key, |reader, path, node, key| reader.value(path, node, key))
    }

    /// Reads a map of named things, each by `read`.
    pub(crate) fn named_with<K, V>(
        &mut self,
        path: &[Segment],
        node: &Node,
        key: Option<Span>,
        read: impl Fn(&mut Self, &[Segment], &Node, Option<Span>) -> Option<V>,
    ) -> IndexMap<K, V>
    where
        K: DeserializeOwned + Hash + Eq,
    {
        let Some(map) = node.as_map() else {
            self.wrong_type(path, node, key, "a map of names");
            return IndexMap::new();
        };
        let mut items = IndexMap::with_capacity(map.len());
        for (name, entry) in map {
            let path = [path, &[Segment::Key(name.clone())]].concat();
            let key_node = Node::text(name.as_str(), entry.key);
            let name = self.value::<K>(&path, &key_node, None);
            let item = read(self, &path, &entry.node, Some(entry.key));
            if let (Some(name), Some(item)) = (name, item) {
                items.insert(name, item);
            }
        }
        items
    }

    /// Reads a list of items, each on its own.
    pub(crate) fn items<T: DeserializeOwned>(&mut self, path: &[Segment], node: &Node, key: Option<Span>) -> Vec<T> {
        let Some(list) = node.as_list() else {
            self.wrong_type(path, node, key, "a list");
            return Vec::new();
        };
        let read = |(index, item): (usize, &Node)| {
            let path = [path, &[Segment::Index(index)]].concat();
            self.value(&path, item, None)
        };
        list.iter().enumerate().filter_map(read).collect()
    }

    /// Notes a section that no document has.
    pub(crate) fn unknown_section(&mut self, name: &str, entry: &Entry) {
        let pass = Pass::new(self.sources);
        let known: Vec<&str> = schema::property_names("Document").iter().map(String::as_str).collect();
        pass.unknown_key(&Place::Root(&[]), name, entry.key, &entry.node, &known);
        self.findings.append(&mut pass.findings.take());
    }

    fn wrong_type(&mut self, path: &[Segment], node: &Node, key: Option<Span>, expected: &str) {
        if !node.reported {
            let pass = Pass::new(self.sources);
            let target = Target { node, mark: node.mark_with(key) };
            pass.note(&Place::Root(path), target, Failure::wrong_type(expected));
            self.findings.append(&mut pass.findings.take());
        }
    }
}

/// A value with where to point for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) node: &'t Node,
    pub(super) mark: Span,
}

/// The way to a value, held on the stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'c> {
    Root(&'c [Segment]),
    Key(&'c Place<'c>, &'c str),
    Index(&'c Place<'c>, usize),
}

impl Place<'_> {
    fn path(&self) -> DocumentPath {
        match self {
            Place::Root(path) => DocumentPath::from(path.to_vec()),
            Place::Key(parent, key) => parent.path().key(*key),
            Place::Index(parent, index) => parent.path().index(*index),
        }
    }
}

/// What is known while one item is read.
#[derive(Debug)]
pub(super) struct Pass<'s, 't> {
    sources: &'s SourceMap,
    /// Values that are in error; compared by identity, the tree does not move.
    aside: RefCell<Vec<&'t Node>>,
    findings: RefCell<Vec<Diagnostic>>,
    secrets: RefCell<Vec<Span>>,
}

impl<'s, 't> Pass<'s, 't> {
    fn new(sources: &'s SourceMap) -> Self {
        Self { sources, aside: RefCell::default(), findings: RefCell::default(), secrets: RefCell::default() }
    }

    fn noted(&self) -> usize {
        self.aside.borrow().len()
    }

    /// Returns whether a value is in error; it reads as if it were not there.
    pub(super) fn is_aside(&self, node: &Node) -> bool {
        node.reported || self.aside.borrow().iter().any(|aside| std::ptr::eq(*aside, node))
    }

    pub(super) fn secret(&self, span: Span) {
        let mut secrets = self.secrets.borrow_mut();
        if !secrets.contains(&span) {
            secrets.push(span);
        }
    }

    /// Notes what is wrong with a value and puts it aside.
    pub(super) fn note(&self, place: &Place<'_>, target: Target<'t>, failure: Failure) -> Failure {
        if let Failure::Raw(raw) = failure {
            self.aside.borrow_mut().push(target.node);
            if let Some(finding) = self.finding(place, target, &raw) {
                self.findings.borrow_mut().push(finding);
            }
        }
        Failure::Reported
    }

    /// Notes a key that the type does not have.
    pub(super) fn unknown_key(&self, place: &Place<'_>, key: &str, span: Span, node: &'t Node, known: &[&str]) {
        self.aside.borrow_mut().push(node);
        let finding = Diagnostic::error(Code::UnknownKey, format!("the key `{key}` is not known here")).path(place.path().key(key));
        let finding = suggest(finding, span, key, known);
        self.findings.borrow_mut().push(finding);
    }

    fn finding(&self, place: &Place<'_>, target: Target<'t>, raw: &Raw) -> Option<Diagnostic> {
        let Target { node, mark } = target;
        let path = place.path();
        let finding = |message: String| Diagnostic::error(raw.code(), message).path(path.clone());
        Some(match &raw.kind {
            Kind::MissingKey { .. } => {
                let (message, label) = missing_keys(node, raw)?;
                finding(message).label(mark, label)
            }
            Kind::UnknownValue { found, known } => {
                let message = match raw.code() {
                    Code::UnknownVersion => format!("`{found}` is no version of the document"),
                    _ => format!("`{found}` is not known here"),
                };
                suggest(finding(message), mark, found, known)
            }
            Kind::WrongType { expected } => return Some(self.wrong_type(finding(String::new()), target, expected)),
            Kind::OutOfRange { message, .. } | Kind::Refused { message } => finding(message.clone()).label(mark, ""),
        })
    }

    fn wrong_type(&self, finding: Diagnostic, target: Target<'t>, expected: &str) -> Diagnostic {
        let Target { node, mark } = target;
        if node.as_map().is_some_and(|map| map.len() == 1 && map.values().all(|entry| entry.node.is_null()))
            && self.sources.slice(node.span).starts_with('{')
        {
            let text = self.sources.get(node.span.source).text();
            let mut brace = unquoted_brace(text, node.span);
            brace.path = finding.path;
            return *brace;
        }
        let message = format!("expected {expected}, found {}", node.describe());
        let finding = Diagnostic { message, ..finding }.label(mark, "");
        let Some(scalar) = node.as_scalar() else { return finding };
        let quoted = |finding: Diagnostic, replacement: String| {
            let fix = Fix { span: node.span, replacement: replacement.clone(), title: None };
            finding.help(format!("write `{replacement}`")).fix(fix)
        };
        match scalar.resolve() {
            Resolved::Text(text) if expected == "true or false" => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" => quoted(finding, "true".to_owned()),
                "no" | "off" | "n" => quoted(finding, "false".to_owned()),
                _ => finding,
            },
            Resolved::Null => finding,
            Resolved::Text(_) if expected != "a list" => finding,
            _ if expected == "a list" => quoted(finding, format!("[{}]", self.sources.slice(node.span))),
            _ if expected == "text" || expected.contains("name") => quoted(finding, format!("\"{}\"", scalar.text)),
            _ => finding,
        }
    }
}

/// Names what is missing in a map; nothing where a value was there and is in error already.
fn missing_keys(node: &Node, raw: &Raw) -> Option<(String, String)> {
    let Kind::MissingKey { key } = raw.kind else { return None };
    let map = node.as_map();
    let written = |key: &str| map.is_some_and(|map| map.contains_key(key));
    if node.get(key).is_some() {
        return None;
    }
    if written(key) {
        return Some((format!("the key `{key}` has no value"), "a value is needed".to_owned()));
    }
    let required = schema::required_keys(raw.type_name.unwrap_or_default());
    let mut missing: Vec<&str> = required.iter().map(String::as_str).filter(|key| !written(key)).collect();
    if missing.is_empty() {
        missing.push(key);
    }
    Some(match missing.as_slice() {
        [only] => (format!("the key `{only}` is missing"), format!("`{only}` is needed here")),
        [first @ .., last] => {
            let list = first.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            (format!("the keys {list} and `{last}` are missing"), "they are needed here".to_owned())
        }
        [] => return None,
    })
}

/// Says what was meant, or what there is.
pub(super) fn suggest(finding: Diagnostic, span: Span, found: &str, known: &[&str]) -> Diagnostic {
    match did_you_mean(found, known.iter().copied()) {
        Some(meant) => finding
            .label(span, format!("did you mean `{meant}`?"))
            .fix(Fix { span, replacement: meant.to_owned(), title: None }),
        None => {
            let list = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let finding = finding.label(span, "");
            if list.is_empty() { finding.help("no keys are known here") } else { finding.help(format!("known here: {list}")) }
        }
    }
}
