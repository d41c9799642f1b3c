//! What only the whole can tell, one file a rule. Every rule runs; each adds its findings.
//!
//! These checks are static: they need no sockets and no files. What needs the compiled form (path templates,
//! unreachable routes) is found where it is compiled, with the same kind of finding.

mod broker;
mod cors;
mod empty_match;
mod empty_table;
mod handler_keys;
mod limits;
mod not_built_yet;
mod open_admin;
mod preset_only;
mod references;
mod registry;
mod reserved_header;
mod responses;
mod route_names;
mod same_address;
mod same_header;
mod unused;
mod version;

use std::collections::HashSet;

use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    document::{Document, Registry, Route},
    path::DocumentPath,
    source::{SourceKind, SourceMap},
    tree::Node,
    value::RouteTableName,
};

pub(crate) use version::check as version;

/// Checks that need no types. What they find is marked, so that it is not found again.
pub(crate) fn before_typing(tree: &mut Node, findings: &mut Findings) {
    not_built_yet::check(tree, findings);
}

/// Checks of the typed document.
pub(crate) fn after_typing(view: &View<'_>, findings: &mut Findings) {
    let rules: [fn(&View<'_>, &mut Findings); 16] = [
        references::check,
        registry::check,
        broker::check,
        same_address::check,
        route_names::check,
        empty_table::check,
        empty_match::check,
        handler_keys::check,
        responses::check,
        limits::check,
        cors::check,
        reserved_header::check,
        same_header::check,
        preset_only::check,
        open_admin::check,
        unused::check,
    ];
    for rule in rules {
        rule(view, findings);
    }
}

/// What a rule sees: the typed document, and the tree it was read from.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) document: &'a Document,
    pub(crate) tree: &'a Node,
    pub(crate) sources: &'a SourceMap,
    /// List items that could not be read: the typed lists are shorter by them.
    pub(crate) dropped: &'a HashSet<DocumentPath>,
}

impl View<'_> {
    /// Begins a finding about the value at a path.
    fn error(&self, code: Code, path: DocumentPath, message: impl Into<String>) -> Diagnostic {
        let mark = self.tree.mark(&path);
        Diagnostic::error(code, message).path(path).label(mark, "")
    }

    /// Begins a finding about the key at a path.
    fn error_at_key(&self, code: Code, path: DocumentPath, message: impl Into<String>) -> Diagnostic {
        let mark = self.tree.key_mark(&path);
        Diagnostic::error(code, message).path(path).label(mark, "")
    }

    /// Begins a finding about the value at a path, with a few words at the place.
    fn error_with(
        &self,
        code: Code,
        path: DocumentPath,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        let mark = self.tree.mark(&path);
        Diagnostic::error(code, message).path(path).label(mark, label)
    }

    /// Returns whether something was written at a path, sound or not.
    fn is_written(&self, path: &DocumentPath) -> bool {
        self.tree.at(path).is_some_and(|node| !node.is_null())
    }

    /// Returns whether the value at a path comes from a built-in preset, or from nobody.
    fn is_built_in(&self, path: &DocumentPath) -> bool {
        let from_preset = |node: &Node| matches!(self.sources.get(node.span.source).kind(), SourceKind::Preset(_));
        self.tree.at(path).is_none_or(from_preset)
    }

    /// Returns the names of a section, those of broken items too.
    fn names(&self, section: &str) -> Vec<&str> {
        self.tree
            .get(section)
            .and_then(Node::as_map)
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
            .collect()
    }

    /// Returns whether a section holds this name, sound or not.
    fn has(&self, section: &str, name: &str) -> bool {
        self.tree.get(section).and_then(Node::as_map).is_some_and(|map| map.contains_key(name))
    }

    /// Returns all routes that could be read, each with its table and its path.
    fn routes(&self) -> impl Iterator<Item = (&RouteTableName, &Route, DocumentPath)> {
        self.document.routes.iter().flat_map(|(table, routes)| {
            let base = DocumentPath::root().key("routes").key(table.as_str());
            let written = (0..).map(move |index| base.clone().index(index)).filter(|path| !self.dropped.contains(path));
            routes.iter().zip(written).map(move |(route, path)| (table, route, path))
        })
    }

    /// Returns all registries that could be read, each with its path.
    fn registries(&self) -> impl Iterator<Item = (&Registry, DocumentPath)> {
        let path = key("registry");
        let several = self.tree.at(&path).is_some_and(|node| node.as_list().is_some());
        self.document.registry.iter().enumerate().map(move |(index, registry)| {
            let path = path.clone();
            (registry, if several { path.index(index) } else { path })
        })
    }

    /// Returns the path of the item of a list that is this text; the path of the list where it is not found.
    fn item(&self, list: DocumentPath, text: &str) -> DocumentPath {
        let items = self.tree.at(&list).and_then(Node::as_list).unwrap_or_default();
        let is_it = |item: &Node| item.as_scalar().is_some_and(|scalar| scalar.text == text);
        match items.iter().position(is_it) {
            Some(index) => list.index(index),
            None => list,
        }
    }
}

/// The path of a key of the document.
fn key(name: &str) -> DocumentPath {
    DocumentPath::root().key(name)
}
