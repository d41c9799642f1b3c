//! Text to tree: the events of a YAML parser become nodes, within limits. JSON is YAML.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use indexmap::map;

use super::{
    ALIAS_NODES_MAX, DEPTH_MAX, EXPANSION_BYTES_MAX, Entry, FILE_BYTES_MAX, Map, NODES_MAX, Node, Scalar, Value, syntax,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    path::{DocumentPath, Segment},
    source::{SourceId, Span},
};

/// What became of a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The tree; none where the text is broken, so that nothing below it can be trusted.
    pub(crate) tree: Option<Node>,
    pub(crate) findings: Vec<Diagnostic>,
    /// How many events the parser gave: a measure of the work, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the tests that bound the work"))]
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
type Stop = Box<Diagnostic>;

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
    /// How many values it holds, itself included; what an alias to it would cost.
    nodes: usize,
    bytes: usize,
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

/// A value that an alias may copy.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    depth: usize,
}

struct Builder {
    source: SourceId,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    findings: Vec<Diagnostic>,
    events: usize,
    nodes: usize,
    copied_nodes: usize,
    copied_bytes: usize,
}

impl Builder {
    fn new(source: SourceId) -> Self {
        Self {
            source,
            open: Vec::new(),
            anchors: HashMap::new(),
            findings: Vec::new(),
            events: 0,
            nodes: 0,
            copied_nodes: 0,
            copied_bytes: 0,
        }
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
                self.complete(node, anchor, 1)
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
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(None),
        }
    }

    fn enter(&mut self, content: Content, anchor: usize, span: Span) -> Result<Option<Node>, Stop> {
        if self.open.len() >= DEPTH_MAX {
            return Err(syntax::too_deep(span));
        }
        self.open.push(Open { span, anchor, content, nodes: 1, bytes: 0 });
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
        self.complete_sized(Node::new(value, span), open.anchor, open.nodes, open.bytes)
    }

    fn complete(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<Option<Node>, Stop> {
        let bytes = node.as_scalar().map_or(0, |scalar| scalar.text.len());
        self.complete_sized(node, anchor, nodes, bytes)
    }

    /// Puts a finished value where it belongs: into the collection that is open, else it is the root.
    fn complete_sized(&mut self, node: Node, anchor: usize, nodes: usize, bytes: usize) -> Result<Option<Node>, Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file holds more than {NODES_MAX} values");
            return Err(Diagnostic::error(Code::TooLarge, message).label(node.span, "").into());
        }
        if anchor > 0 {
            self.count_copy(nodes, bytes, node.span)?;
            let depth = depth(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes, depth });
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        open.nodes += nodes;
        open.bytes += bytes;
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

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Option<Node>, Stop> {
        let Some(found) = self.anchors.get(&anchor) else {
            let message = "an alias stands inside of what it names";
            return Err(Diagnostic::error(Code::BadAlias, message).label(span, "this would never end").into());
        };
        let (nodes, bytes, depth) = (found.nodes, found.bytes, found.depth);
        if self.open.len() + depth > DEPTH_MAX {
            return Err(syntax::too_deep(span));
        }
        self.count_copy(nodes, bytes, span)?;
        let mut node = self.anchors[&anchor].node.clone();
        if node.as_scalar().is_some() {
            node.span = span;
        }
        self.complete_sized(node, 0, nodes, bytes)
    }

    /// Counts what anchors and aliases copy; a few lines of YAML could otherwise fill the memory.
    fn count_copy(&mut self, nodes: usize, bytes: usize, span: Span) -> Result<(), Stop> {
        self.copied_nodes += nodes;
        self.copied_bytes += bytes;
        if self.copied_nodes <= ALIAS_NODES_MAX && self.copied_bytes <= EXPANSION_BYTES_MAX {
            return Ok(());
        }
        let message = "the aliases of this file copy too much";
        Err(Diagnostic::error(Code::ExpansionLimit, message)
            .label(span, "here the limit is reached")
            .help(format!("aliases may copy {ALIAS_NODES_MAX} values and {} MiB of text", EXPANSION_BYTES_MAX >> 20))
            .into())
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

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(|entry| depth(&entry.node)).max().unwrap_or(0),
    }
}

fn empty_document(source: SourceId) -> Stop {
    Diagnostic::error(Code::EmptyDocument, "the file holds no document")
        .label(Span::new(source, 0..0), "")
        .help("the smallest document is `version: micro/v1`")
        .into()
}

#[cfg(test)]
mod tests {
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
        let slice = |path: &str| &text[tree.at(&path.parse().unwrap()).unwrap().span.range()];
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
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let parsed = parsed(&bomb);
        assert_eq!(parsed.findings.len(), 1);
        assert_eq!(parsed.findings[0].code, Code::ExpansionLimit);
        assert!(parsed.events < 200, "{}", parsed.events);
    }

    #[test]
    fn depth_is_bounded_whatever_the_style() {
        check(&"[".repeat(100_000), &[Code::TooDeep]);
        check(&"{a: ".repeat(100_000), &[Code::TooDeep]);
        check(&(0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>(), &[Code::TooDeep]);
        let deep = "[".repeat(40) + &"]".repeat(40);
        let mixed = (0..40).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>() + &" ".repeat(40) + &deep;
        check(&mixed, &[Code::TooDeep]);
        check(&format!("a: &a {deep}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40)), &[Code::TooDeep]);
    }
}
