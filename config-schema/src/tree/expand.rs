//! `${VAR}` and `${VAR:-default}` in the scalars of files.
//!
//! Only scalars are expanded, never keys, and what a variable holds is never parsed as YAML: it cannot add structure.
//! A plain scalar is judged after expansion, so that `workers: ${WORKERS}` is a number.

use std::collections::BTreeMap;

use super::{EXPANSION_BYTES_MAX, Node, Scalar, Value};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::{DocumentPath, Segment},
    source::{SourceMap, Span},
};

/// The variables that may be expanded, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Expands all scalars of a tree.
pub(crate) fn expand(tree: &mut Node, variables: &Variables, sources: &SourceMap, findings: &mut Findings) {
    let mut expansion = Expansion { variables, sources, findings, path: Vec::new(), added_bytes: 0 };
    expansion.node(tree);
}

struct Expansion<'a> {
    variables: &'a Variables,
    sources: &'a SourceMap,
    findings: &'a mut Findings,
    path: Vec<Segment>,
    added_bytes: usize,
}

/// A piece of a scalar.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Variable { written: &'t str, name: &'t str, default: Option<&'t str> },
    Broken { written: &'t str },
}

impl Expansion<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(Segment::Index(index));
                    self.node(item);
                    self.path.pop();
                }
            }
            Value::Map(map) => {
                for (key, entry) in map.iter_mut() {
                    self.path.push(Segment::Key(key.clone()));
                    self.node(&mut entry.node);
                    self.path.pop();
                }
            }
            Value::Scalar(scalar) if scalar.text.contains("${") => self.scalar(node),
            Value::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, node: &mut Node) {
        let Value::Scalar(Scalar { text, plain }) = &node.value else { return };
        let mut names = Vec::new();
        let mut expanded = String::new();
        let mut sound = true;
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Variable { written, name, default } => {
                    names.push(name.to_owned());
                    match value(self.variables, name, default) {
                        Some(value) => {
                            self.added_bytes += value.len();
                            expanded.push_str(value);
                        }
                        None => sound &= self.unset(node.span, written, name),
                    }
                }
                Piece::Broken { written } => sound &= self.broken(node.span, written),
            }
            if self.added_bytes > EXPANSION_BYTES_MAX {
                self.too_much(node.span);
                sound = false;
                break;
            }
        }
        let scalar = Scalar { text: expanded, plain: *plain };
        if sound {
            node.value = Value::Scalar(scalar);
        }
        node.reported |= !sound;
        node.expanded = (!names.is_empty()).then(|| names.into());
    }

    fn unset(&mut self, span: Span, written: &str, name: &str) -> bool {
        let finding = Diagnostic::error(Code::UnsetVariable, format!("the variable `{name}` is not set"))
            .path(DocumentPath::from(self.path.clone()))
            .label(self.place(span, written), "it has no default either")
            .help(format!("set it, or give a default: `${{{name}:-…}}`"));
        self.findings.push(finding);
        false
    }

    fn broken(&mut self, span: Span, written: &str) -> bool {
        let finding = Diagnostic::error(Code::BadExpansion, format!("`{written}` is no variable"))
            .path(DocumentPath::from(self.path.clone()))
            .label(self.place(span, written), "here");
        self.findings.push(finding);
        false
    }

    fn too_much(&mut self, span: Span) {
        if self.added_bytes > EXPANSION_BYTES_MAX && !self.findings.iter().any(|f| f.code == Code::ExpansionLimit) {
            let message = format!("the variables of this file add more than {} MiB", EXPANSION_BYTES_MAX >> 20);
            self.findings
                .push(Diagnostic::error(Code::ExpansionLimit, message).label(span, "here the limit is reached"));
        }
    }

    /// Where in the source the variable stands; the whole scalar where escapes hide it.
    fn place(&self, span: Span, written: &str) -> Span {
        match self.sources.slice(span).find(written) {
            Some(offset) => {
                let start = span.range().start + offset;
                Span::new(span.source, start..start + written.len())
            }
            None => span,
        }
    }
}

/// As in the shell: a default stands in for a variable that is unset or empty.
fn value<'v>(variables: &'v Variables, name: &str, default: Option<&'v str>) -> Option<&'v str> {
    match (variables.get(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Some(default),
        (Some(value), _) => Some(value),
        (None, default) => default,
    }
}

/// Splits a scalar. `$${` is a literal `${`, a `$` alone is text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(escaped) = before.strip_suffix('$') {
            pieces.push(Piece::Text(escaped));
            let (literal, after) = after.split_at(2);
            pieces.push(Piece::Text(literal));
            rest = after;
            continue;
        }
        pieces.push(Piece::Text(before));
        let (written, after) = match after.find('}') {
            Some(end) => after.split_at(end + 1),
            None => (after, ""),
        };
        pieces.push(variable(written));
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn variable(written: &str) -> Piece<'_> {
    let inner = written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let Some(inner) = inner else { return Piece::Broken { written } };
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Piece::Variable { written, name, default }
    } else {
        Piece::Broken { written }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::SourceKind, tree::parse};

    fn check(text: &str, expected: &str) {
        let yaml = format!("a: {text}\n");
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("t.yaml".into()), yaml.clone());
        let mut tree = parse(&yaml, id).tree.unwrap();
        let variables = Variables::from([("HOST".into(), "example.com".into()), ("EMPTY".into(), String::new())]);
        let mut findings = Findings::default();
        expand(&mut tree, &variables, &sources, &mut findings);
        let found = match findings.iter().next() {
            Some(finding) => format!("{} {}", finding.code, sources.slice(finding.labels[0].span)),
            None => tree.get("a").and_then(Node::as_scalar).map(|scalar| scalar.text.clone()).unwrap_or_default(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn variables_expand_in_scalars() {
        check("${HOST}", "example.com");
        check("https://${HOST}:${PORT:-443}/", "https://example.com:443/");
        check("\"${EMPTY:-x}\"", "x");
        check("${NONE:-}y", "y");
        check("cost $5", "cost $5");
        check("$${HOST}", "${HOST}");
        check("${A:-${HOST}}", "${HOST}");
    }

    #[test]
    fn what_cannot_be_expanded_is_pointed_at() {
        check("x${NONE}y", "unset-variable ${NONE}");
        check("x${1a}y", "bad-expansion ${1a}");
        check("\"x${HOST\"", "bad-expansion ${HOST");
    }

    #[test]
    fn expansion_is_bounded() {
        let yaml = format!("a: [{}]\n", vec!["\"${BIG}\""; 100].join(", "));
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("t.yaml".into()), yaml.clone());
        let mut tree = parse(&yaml, id).tree.unwrap();
        let variables = Variables::from([("BIG".into(), "x".repeat(1 << 20))]);
        let mut findings = Findings::default();
        expand(&mut tree, &variables, &sources, &mut findings);
        assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::ExpansionLimit]);
    }
}
