//! Where text came from: files, presets, variables, flags. A [`Span`] is a range of bytes in one of them.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

/// All texts that make one configuration. Spans, labels and origins point into it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Arc<Source>>,
}

/// One text of a [`SourceMap`].
#[derive(Debug, Clone)]
pub struct Source {
    kind: SourceKind,
    text: String,
    line_starts: Vec<usize>,
    /// Whether each character is one byte: then columns need no counting.
    ascii: bool,
    masked: Vec<Range<usize>>,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A file, by its name as given.
    File(String),
    /// A built-in preset, by the name of its command.
    Preset(String),
    /// The value of an environment variable, by its name.
    Variable(String),
    /// The value of a command-line flag, by its name with dashes.
    Flag(String),
}

/// A text of a [`SourceMap`], by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A range of bytes in one source. Files are bounded to 32 MiB, so 32 bits are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// In which source.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A place for people: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Where a value of the effective document came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file, with the place in it.
    File {
        /// The name as given.
        name: String,
        /// Where in the file.
        position: Position,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(String),
    /// A built-in preset.
    Preset(String),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, position } => write!(out, "{name}:{}:{}", position.line, position.column),
            Self::Variable(name) => write!(out, "variable {name}"),
            Self::Flag(name) => write!(out, "flag {name}"),
            Self::Preset(name) => write!(out, "preset {name}"),
            Self::Default => out.write_str("default"),
        }
    }
}

impl Span {
    /// Makes a span of a range of bytes; ends beyond 4 GiB are cut there.
    pub(crate) fn new(source: SourceId, range: Range<usize>) -> Self {
        let clip = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: clip(range.start), end: clip(range.end) }
    }

    /// Returns the range of bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl SourceMap {
    /// Adds a text; returns how to find it.
    pub(crate) fn add(&mut self, kind: SourceKind, text: String) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).expect("fewer than 2^32 sources"));
        let (line_starts, ascii) = (line_starts(&text), text.is_ascii());
        self.sources.push(Arc::new(Source { kind, text, line_starts, ascii, masked: Vec::new() }));
        id
    }

    /// Returns one source.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// Returns all sources in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().map(Arc::as_ref)
    }

    /// Hides a secret: snippets show `*` in its place.
    pub(crate) fn mask(&mut self, span: Span) {
        Arc::make_mut(&mut self.sources[span.source.0 as usize]).masked.push(span.range());
    }

    /// Returns the text of a span as written; empty where the span does not fit its source.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.range()).unwrap_or_default()
    }

    /// Returns where a span begins.
    pub fn position(&self, span: Span) -> Position {
        self.get(span.source).position(span.start as usize)
    }

    /// Returns where a value with this span came from.
    pub fn origin(&self, span: Span) -> Origin {
        match &self.get(span.source).kind {
            SourceKind::File(name) => Origin::File { name: name.clone(), position: self.position(span) },
            SourceKind::Preset(name) => Origin::Preset(name.clone()),
            SourceKind::Variable(name) => Origin::Variable(name.clone()),
            SourceKind::Flag(name) => Origin::Flag(name.clone()),
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).collect()
}

impl Source {
    /// Returns what the text is.
    pub const fn kind(&self) -> &SourceKind {
        &self.kind
    }

    /// Returns the text. It may hold secrets: only [`Source::shown`] is fit to print.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the line of a byte, from 0.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Returns the bytes of a line (from 0), without its line break.
    pub(crate) fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.line_starts[line];
        let end = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len());
        let trimmed = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
        start..start + trimmed
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.line_of(offset);
        let before = self.text.get(self.line_starts[line]..offset).unwrap_or_default();
        let characters = if self.ascii { before.len() } else { before.chars().count() };
        Position { line: line + 1, column: characters + 1 }
    }

    /// Returns a range of the text with secrets replaced by `*`, byte for byte, so that columns keep their place.
    pub(crate) fn shown(&self, range: Range<usize>) -> Cow<'_, str> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let hidden = |at: usize| self.masked.iter().any(|mask| mask.contains(&at));
        if !self.masked.iter().any(|mask| mask.start < range.end && range.start < mask.end) {
            return Cow::Borrowed(text);
        }
        let star = |(at, c): (usize, char)| match c {
            '\n' | '\r' => String::from(c),
            c if hidden(range.start + at) => "*".repeat(c.len_utf8()),
            c => String::from(c),
        };
        Cow::Owned(text.char_indices().map(star).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("a.yaml".into()), "é: ü\r\nb: 1\n".into());
        let at = |start: usize| sources.position(Span::new(id, start..start));
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(4), Position { line: 1, column: 4 });
        assert_eq!(at(8), Position { line: 2, column: 1 });
        assert_eq!(at(13), Position { line: 3, column: 1 });
        assert_eq!(sources.get(id).line_range(0), 0..6);
    }

    #[test]
    fn masks_keep_columns() {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("a.yaml".into()), "token: hunter2 # x\n".into());
        sources.mask(Span::new(id, 7..14));
        assert_eq!(sources.get(id).shown(0..18), "token: ******* # x");
    }
}
