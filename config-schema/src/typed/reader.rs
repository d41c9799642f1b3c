//! Reads one item after the other and notes all that is wrong with it.

use std::{cell::RefCell, collections::HashSet, hash::Hash};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::{
    cursor::Cursor,
    failure::{Expected, Failure},
    finding::{finding, unknown_key},
};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::{DocumentPath, Segment},
    schema::{self, Bounds},
    source::{SourceMap, Span},
    tree::{Entry, Node},
};

/// One item is read again at most so often; an item with more errors than this is reported in part.
const PASSES_MAX: usize = 64;

/// So many unknown keys of one item are reported.
const NOTES_MAX: usize = 200;

/// Reads typed values from the tree and notes what is wrong.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    sources: &'s SourceMap,
    pub(crate) findings: Findings,
    /// List items that could not be read.
    dropped: HashSet<DocumentPath>,
}

/// What a reader found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) findings: Findings,
    pub(crate) dropped: HashSet<DocumentPath>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(sources: &'s SourceMap) -> Self {
        Self { sources, findings: Findings::default(), dropped: HashSet::new() }
    }

    /// Returns what was found.
    pub(crate) fn finish(self) -> Found {
        Found { findings: self.findings, dropped: self.dropped }
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
        self.findings.append(pass.findings.take());
        value
    }

    /// Reads a map of named items, each on its own.
    pub(crate) fn named<K, V>(&mut self, path: &[Segment], node: &Node, key: Option<Span>) -> IndexMap<K, V>
    where
        K: DeserializeOwned + Hash + Eq,
        V: DeserializeOwned,
    {
        self.named_with(path, node, key, Self::value)
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
            self.wrong_type(path, node, key, Expected::Other("a map of names".to_owned()));
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
            self.wrong_type(path, node, key, Expected::List);
            return Vec::new();
        };
        let read = |(index, item): (usize, &Node)| {
            let path = [path, &[Segment::Index(index)]].concat();
            let value = self.value(&path, item, None);
            if value.is_none() {
                self.dropped.insert(DocumentPath::from(path));
            }
            value
        };
        list.iter().enumerate().filter_map(read).collect()
    }

    /// Notes a section that no document has.
    pub(crate) fn unknown_section(&mut self, name: &str, entry: &Entry) {
        if self.findings.is_full() {
            return self.findings.count_error();
        }
        let pass = Pass::new(self.sources);
        let known: Vec<&str> = schema::property_names("Document").iter().map(String::as_str).collect();
        pass.unknown_key(&Place::Root(&[]), name, entry.key, &entry.node, &known);
        self.findings.append(pass.findings.take());
    }

    fn wrong_type(&mut self, path: &[Segment], node: &Node, key: Option<Span>, expected: Expected) {
        if !node.reported {
            let pass = Pass::new(self.sources);
            let target = Target { node, mark: node.mark_with(key) };
            pass.note(&Place::Root(path), target, Failure::wrong_type(expected));
            self.findings.append(pass.findings.take());
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
    findings: RefCell<Findings>,
}

impl<'s, 't> Pass<'s, 't> {
    fn new(sources: &'s SourceMap) -> Self {
        Self { sources, aside: RefCell::default(), findings: RefCell::default() }
    }

    fn noted(&self) -> usize {
        self.aside.borrow().len()
    }

    /// Returns whether a value is in error; it reads as if it were not there.
    pub(super) fn is_aside(&self, node: &Node) -> bool {
        node.reported || self.aside.borrow().iter().any(|aside| std::ptr::eq(*aside, node))
    }

    /// Notes what is wrong with a value and puts it aside.
    pub(super) fn note(&self, place: &Place<'_>, target: Target<'t>, failure: Failure) -> Failure {
        if let Failure::Raw(raw) = failure {
            self.put_aside(target.node);
            self.findings.borrow_mut().extend(finding(self.sources, &place.path(), target, &raw));
        }
        Failure::Reported
    }

    /// Puts a value aside that cannot be had without what was just noted.
    pub(super) fn put_aside(&self, node: &'t Node) {
        self.aside.borrow_mut().push(node);
    }

    /// Notes a key that the type does not have.
    pub(super) fn unknown_key(&self, place: &Place<'_>, key: &str, span: Span, node: &'t Node, known: &[&str]) {
        if self.noted() >= NOTES_MAX {
            return; // skipped in any case; to look through what was put aside costs time
        }
        self.put_aside(node);
        let finding = Diagnostic::error(Code::UnknownKey, format!("the key `{key}` is not known here"))
            .path(place.path().key(key));
        let finding = unknown_key(finding, span, key, known);
        self.findings.borrow_mut().push(finding);
    }
}
