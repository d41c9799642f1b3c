//! Text to tree: the events of a YAML parser become nodes, within limits. JSON is YAML.

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use indexmap::map;

use super::{
    DEPTH_MAX, Entry, FILE_BYTES_MAX, Map, NODES_MAX, Node, Scalar, Value,
    anchors::{Anchors, Weight},
    syntax,
};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::{DocumentPath, Segment},
    source::{SourceId, Span},
};

/// What became of a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The tree; none where the text is broken, so that nothing below it can be trusted.
    pub(crate) tree: Option<Node>,
    pub(crate) findings: Findings,
    /// How many events the parser gave: a measure of the work, for tests.
    pub(crate) events: usize,
}

/// Makes the tree of one text.
pub(crate) fn parse(text: &str, source: SourceId) -> Parsed {
    let mut builder = Builder::new(source);
    let result = check_text(text, source).and_then(|()| builder.build(text));
    let mut parsed = Parsed { tree: None, findings: builder.findings, events: builder.events };
    match result {
        Ok(tree) => parsed.tree = Some(tree),
        Err(finding) => parsed.findings.push(*finding),
    }
    parsed
}

/// A finding that ends the reading of a text. Boxed: it is rare and large.
pub(super) type Stop = Box<Diagnostic>;

/// What must hold before a parser sees the text.
fn check_text(text: &str, source: SourceId) -> Result<(), Stop> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(Diagnostic::error(Code::TooLarge, message).label(Span::new(source, 0..0), "").into());
    }
    let forbidden = |c: char| {
        (c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')) || ('\u{80}'..'\u{a0}').contains(&c) && c != '\u{85}'
    };
    if let Some((at, bad)) = text.char_indices().find(|(_, c)| forbidden(*c)) {
        let name = if bad == '\0' { " (NUL)" } else { "" };
        let message = format!("control character U+{:04X}{name}", u32::from(bad));
        let span = Span::new(source, at..at + bad.len_utf8());
        return Err(Diagnostic::error(Code::ControlCharacter, message).label(span, "here").into());
    }
    Ok(())
}

/// A collection whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    content: Content,
    /// What an alias to it would cost.
    weight: Weight,
}

enum Content {
    List(Vec<Node>),
    Map { map: Map, key: Option<Key>, merged: Vec<Node> },
}

/// A key that waits for its value.
struct Key {
    text: String,
    span: Span,
    /// Where the same key stood before; its second value is dropped.
    first: Option<Span>,
    /// Whether the key is no text; its value is dropped.
    bad: bool,
}

struct Builder {
    source: SourceId,
    open: Vec<Open>,
    anchors: Anchors,
    findings: Findings,
    events: usize,
    nodes: usize,
}

impl Builder {
    fn new(source: SourceId) -> Self {
        let (open, anchors, findings) = (Vec::new(), Anchors::default(), Findings::default());
        Self { source, open, anchors, findings, events: 0, nodes: 0 }
    }

    fn build(&mut self, text: &str) -> Result<Node, Stop> {
        let options = granit_parser::options! {
            emit_comments: false,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        let mut root = None;
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| syntax::explain(&error, text, self.source))?;
            let span = Span::new(self.source, span.byte_range().unwrap_or_default());
            self.events += 1;
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
                if documents > 1 {
                    let message = "the file holds more than one document";
                    return Err(Diagnostic::error(Code::SeveralDocuments, message)
                        .label(span, "the second begins here")
                        .into());
                }
            }
            if let Some(node) = self.take(event, span)? {
                root = Some(node);
            }
        }
        match root {
            Some(node) if !node.is_null() => Ok(node),
            _ => Err(empty_document(self.source)),
        }
    }

    /// Takes one event; returns the root once it is complete.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                // Where YAML leaves a value out the parser writes `~`; an empty text says the same and shows nothing.
                let text = if plain && span.start == span.end { String::new() } else { text.into_owned() };
                let node = Node::new(Value::Scalar(Scalar { text, plain }), span);
                let node = self.tagged(node, tag.as_deref());
                let bytes = node.as_scalar().map_or(0, |scalar| scalar.text.len());
                self.complete(node, anchor, Weight { nodes: 1, bytes })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.enter(Content::List(Vec::new()), anchor, span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                self.enter(Content::Map { map: Map::new(), key: None, merged: Vec::new() }, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(span),
            Event::Alias(anchor) => {
                let (node, weight) = self.anchors.copy(anchor, span, self.open.len())?;
                self.complete(node, 0, weight)
            }
            _ => Ok(None),
        }
    }

    fn enter(&mut self, content: Content, anchor: usize, span: Span) -> Result<Option<Node>, Stop> {
        if self.open.len() >= DEPTH_MAX {
            return Err(syntax::too_deep(span));
        }
        self.open.push(Open { span, anchor, content, weight: Weight { nodes: 1, bytes: 0 } });
        Ok(None)
    }

    fn leave(&mut self, end: Span) -> Result<Option<Node>, Stop> {
        let open = self.open.pop().expect("the parser closes only what it opened");
        let span = Span { end: end.end.max(open.span.end), ..open.span };
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map { mut map, merged, .. } => {
                self.merge_keys(&mut map, merged);
                Value::Map(Box::new(map))
            }
        };
        self.complete(Node::new(value, span), open.anchor, open.weight)
    }

    /// Puts a finished value where it belongs: into the collection that is open, else it is the root.
    fn complete(&mut self, node: Node, anchor: usize, weight: Weight) -> Result<Option<Node>, Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file holds more than {NODES_MAX} values");
            return Err(Diagnostic::error(Code::TooLarge, message).label(node.span, "").into());
        }
        if anchor > 0 {
            self.anchors.define(anchor, &node, weight)?;
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        open.weight.add(weight);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { map, key, merged } => match key.take() {
                None => {
                    let waiting = self.key(node);
                    let Some(Open { content: Content::Map { map, key, .. }, .. }) = self.open.last_mut() else {
                        return Ok(None);
                    };
                    let first = map.get(&waiting.text).map(|entry| entry.key);
                    *key = Some(Key { first, ..waiting });
                }
                Some(key) if key.bad => {}
                Some(key) if key.text == MERGE_KEY => merged.push(node),
                Some(Key { text, span, first: Some(first), .. }) => self.duplicate(&text, first, span),
                Some(Key { text, span, first: None, .. }) => {
                    map.insert(text, Entry { key: span, node });
                }
            },
        }
        Ok(None)
    }

    fn key(&mut self, node: Node) -> Key {
        let span = node.span;
        let (text, bad) = match node.value {
            Value::Scalar(scalar) => (scalar.text, false),
            Value::List(_) | Value::Map(_) => (String::new(), true),
        };
        if bad || text.is_empty() {
            let message = if bad { "a key is no text" } else { "a key is empty" };
            let finding =
                Diagnostic::error(Code::BadKey, message).path(self.path()).label(span, "a text was expected here");
            self.findings.push(finding);
            return Key { text, span, first: None, bad: true };
        }
        Key { text, span, first: None, bad: false }
    }

    fn duplicate(&mut self, key: &str, first: Span, second: Span) {
        let finding = Diagnostic::error(Code::DuplicateKey, format!("the key `{key}` stands twice"))
            .path(self.path().key(key))
            .label(second, "again here")
            .label(first, "first here");
        self.findings.push(finding);
    }

    /// `<<: *defaults` (YAML 1.1): the entries of one map or of several, where the map has none of its own.
    fn merge_keys(&mut self, map: &mut Map, merged: Vec<Node>) {
        let flat = merged.into_iter().flat_map(|node| match node.value {
            Value::List(items) => items,
            _ => vec![node],
        });
        for node in flat {
            let span = node.span;
            match node.value {
                Value::Map(entries) => {
                    for (key, entry) in *entries {
                        if let map::Entry::Vacant(vacant) = map.entry(key) {
                            vacant.insert(entry);
                        }
                    }
                }
                _ => {
                    let finding = Diagnostic::error(Code::WrongType, "`<<` takes a map or a list of maps")
                        .path(self.path())
                        .label(span, format!("found {}", Node::new(node.value, span).describe()));
                    self.findings.push(finding);
                }
            }
        }
    }

    /// Applies a tag of the core schema to a scalar; others are refused.
    fn tagged(&mut self, mut node: Node, tag: Option<&Tag>) -> Node {
        let Some(tag) = tag else { return node };
        if let (Value::Scalar(scalar), Some(name)) = (&mut node.value, core_tag(tag)) {
            match name {
                "str" => scalar.plain = false,
                "null" | "bool" | "int" | "float" => scalar.plain = true,
                _ => self.unknown_tag(tag, node.span),
            }
        } else {
            self.unknown_tag(tag, node.span);
        }
        node
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag
            && core_tag(tag) != Some(expected)
        {
            self.unknown_tag(tag, span);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the tag `{}{}` is not known", tag.original_handle(), tag.suffix());
        self.findings
            .push(Diagnostic::error(Code::UnknownTag, message).path(self.path()).label(span, "it stands before this"));
    }

    /// The path of what is being read.
    fn path(&self) -> DocumentPath {
        let segment = |open: &Open| match &open.content {
            Content::List(items) => Some(Segment::Index(items.len())),
            Content::Map { key, .. } => key.as_ref().map(|key| Segment::Key(key.text.clone())),
        };
        self.open.iter().filter_map(segment).collect::<Vec<_>>().into()
    }
}

const MERGE_KEY: &str = "<<";

fn core_tag(tag: &Tag) -> Option<&str> {
    (tag.handle() == "tag:yaml.org,2002:").then(|| tag.suffix())
}

fn empty_document(source: SourceId) -> Stop {
    Diagnostic::error(Code::EmptyDocument, "the file holds no document")
        .label(Span::new(source, 0..0), "")
        .help("the smallest document is `version: micro/v1`")
        .into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::source::{SourceKind, SourceMap};

    fn parsed(text: &str) -> Parsed {
        let id = SourceMap::default().add(SourceKind::File("t.yaml".into()), text.into());
        parse(text, id)
    }

    fn check(text: &str, expected: &[Code]) {
        let codes: Vec<Code> = parsed(text).findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, expected, "{text}");
    }

    #[test]
    fn spans_are_bytes_of_the_source() {
        let text = "é: ü\nb: [x, \"y\"]\n";
        let tree = parsed(text).tree.unwrap();
        let slice = |path: &str| text.get(tree.at(&path.parse().unwrap()).unwrap().span.range()).unwrap();
        assert_eq!(slice("\"é\""), "ü");
        assert_eq!(slice("b[1]"), "\"y\"");
        assert_eq!(slice("b"), "[x, \"y\"]");
    }

    #[test]
    fn json_is_yaml() {
        let tree = parsed("{\"a\": {\"b\": [1, true, null, \"\\ud83d\\ude00\\/\"]}}").tree.unwrap();
        let at = |path: &str| tree.at(&path.parse().unwrap()).unwrap().as_scalar().unwrap().text.clone();
        assert_eq!(at("a.b[0]"), "1");
        assert_eq!(at("a.b[3]"), "😀/");
    }

    #[test]
    fn merge_keys_fill_what_is_missing() {
        let tree = parsed("base: &b { x: 1, y: 2 }\nuse: { <<: *b, y: 3 }\n").tree.unwrap();
        let at = |path: &str| tree.at(&path.parse().unwrap()).unwrap().as_scalar().unwrap().text.clone();
        assert_eq!((at("use.x"), at("use.y")), ("1".to_owned(), "3".to_owned()));
    }

    #[test]
    fn what_cannot_be_a_document_is_refused() {
        check("a: 1\na: 2\n", &[Code::DuplicateKey]);
        check("", &[Code::EmptyDocument]);
        check("# nothing\n", &[Code::EmptyDocument]);
        check("~", &[Code::EmptyDocument]);
        check("a: 1\n---\nb: 2\n", &[Code::SeveralDocuments]);
        check("? [x]\n: 1\n", &[Code::BadKey]);
        check("a: !secret x\n", &[Code::UnknownTag]);
        check("a: !!str 5\nb: !!map {}\n", &[]);
        check("a: \u{1}\n", &[Code::ControlCharacter]);
        check("a: &x [*x]\n", &[Code::BadAlias]);
        check("<<: 1\n", &[Code::WrongType]);
    }

    #[test]
    fn bombs_end_early() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        let parsed = parsed(&bomb);
        assert_eq!(parsed.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::ExpansionLimit]);
        assert!(parsed.events < 200, "{}", parsed.events);
    }

    /// Maps in maps, each a blank further to the right.
    fn staircase(levels: usize) -> String {
        let steps: Vec<String> = (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        steps.concat()
    }

    #[test]
    fn depth_is_bounded_whatever_the_style() {
        check(&"[".repeat(100_000), &[Code::TooDeep]);
        check(&"{a: ".repeat(100_000), &[Code::TooDeep]);
        check(&staircase(1000), &[Code::TooDeep]);
        let deep = "[".repeat(40) + &"]".repeat(40);
        let mixed = staircase(40) + &" ".repeat(40) + &deep;
        check(&mixed, &[Code::TooDeep]);
        check(&format!("a: &a {deep}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40)), &[Code::TooDeep]);
    }
}
