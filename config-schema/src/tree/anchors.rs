//! Anchors and what aliases copy of them, within bounds: a few lines of YAML could otherwise fill the memory.

use std::collections::HashMap;

use super::{ALIAS_NODES_MAX, DEPTH_MAX, EXPANSION_BYTES_MAX, Node, Value, parse::Stop, syntax};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::Span,
};

/// How much a value is, with all that is below it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    pub(super) nodes: usize,
    pub(super) bytes: usize,
}

impl Weight {
    pub(super) fn add(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.bytes += other.bytes;
    }
}

/// The anchors of one file, by the number that the parser gives them.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    values: HashMap<usize, (Node, Weight)>,
    copied: Weight,
}

impl Anchors {
    /// Keeps a copy of a value for aliases to come.
    pub(super) fn define(&mut self, anchor: usize, node: &Node, weight: Weight) -> Result<(), Stop> {
        self.count(weight, node.span)?;
        self.values.insert(anchor, (node.clone(), weight));
        Ok(())
    }

    /// Returns a copy of the value that an alias names, for a place `depth` levels deep.
    pub(super) fn copy(&mut self, anchor: usize, alias: Span, depth: usize) -> Result<(Node, Weight), Stop> {
        let Some((node, weight)) = self.values.get(&anchor) else {
            let message = "an alias stands inside of what it names";
            return Err(Diagnostic::error(Code::BadAlias, message).label(alias, "this would never end").into());
        };
        if depth + levels(node) > DEPTH_MAX {
            return Err(syntax::too_deep(alias));
        }
        let weight = *weight;
        self.count(weight, alias)?;
        let mut node = self.values[&anchor].0.clone();
        if node.as_scalar().is_some() {
            node.span = alias;
        }
        Ok((node, weight))
    }

    fn count(&mut self, weight: Weight, span: Span) -> Result<(), Stop> {
        self.copied.add(weight);
        if self.copied.nodes <= ALIAS_NODES_MAX && self.copied.bytes <= EXPANSION_BYTES_MAX {
            return Ok(());
        }
        let message = "the aliases of this file copy too much";
        Err(Diagnostic::error(Code::ExpansionLimit, message)
            .label(span, "here the limit is reached")
            .help(format!("aliases may copy {ALIAS_NODES_MAX} values and {} MiB of text", EXPANSION_BYTES_MAX >> 20))
            .into())
    }
}

/// How many collections are nested in a value, itself included.
fn levels(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 0,
        Value::List(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(|entry| levels(&entry.node)).max().unwrap_or(0),
    }
}
