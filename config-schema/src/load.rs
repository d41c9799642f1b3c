//! The one way from texts to a document.

use std::collections::{BTreeMap, HashSet};

use crate::{
    check,
    diagnostic::{Code, Diagnostic, Findings, Report, Severity},
    digest,
    document::Document,
    effective::Effective,
    input::Input,
    path::DocumentPath,
    preset::Preset,
    secrets,
    settings::{self, Setting},
    source::{Origin, SourceKind, SourceMap, Span},
    tree::{self, FILE_BYTES_MAX, Node},
    typed::{self, Reader},
};

/// What a configuration is made of, the weakest first.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The built-in document of the command.
    pub preset: Option<Preset>,
    /// Files, in order: the later one wins.
    pub files: Vec<Input>,
    /// Variables and flags of the table.
    pub settings: Vec<Setting>,
    /// All environment variables, for `${VAR}` in files.
    pub variables: BTreeMap<String, String>,
}

impl Layers {
    /// Makes layers of a preset alone.
    pub fn preset(preset: Preset) -> Self {
        Self { preset: Some(preset), ..Self::default() }
    }

    /// Makes layers of one text, without preset, variables and flags.
    pub fn text(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { files: vec![Input::text(name, text)], ..Self::default() }
    }
}

/// A document that passed all checks, with what is known about where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The typed document.
    pub document: Document,
    /// What somebody should look at, though it loads.
    pub warnings: Report,
    /// A stable hash of what the document says: 16 hexadecimal digits. Comments, order of keys, and whether a value
    /// came from a file or a flag do not change it.
    pub digest: String,
    pub(crate) tree: Node,
    pub(crate) sources: SourceMap,
}

/// Reads all layers into one document.
///
/// # Errors
///
/// A report with *all* findings: those of every file, of variables and flags, and of the checks between them.
pub fn load(layers: &Layers) -> Result<Loaded, Report> {
    let mut sources = SourceMap::default();
    let mut findings = Findings::default();

    let trees = parse_layers(layers, &mut sources, &mut findings);
    let Some(mut tree) = merge_trees(trees) else {
        return Err(Report::new(findings, sources)); // a broken file: what else is missing would be guesswork
    };
    settings::apply(&mut tree, &layers.settings, layers.preset, &mut sources, &mut findings);
    check::before_typing(&mut tree, &mut findings);
    let (document, dropped) = read_typed(&tree, &sources, &mut findings);
    let view = check::View { document: &document, tree: &tree, sources: &sources, dropped: &dropped };
    check::after_typing(&view, &mut findings);

    finish(document, tree, sources, findings)
}

/// The trees of the preset and of all files; none for one that is broken.
fn parse_layers(layers: &Layers, sources: &mut SourceMap, findings: &mut Findings) -> Vec<Option<Node>> {
    let preset = layers.preset.map(|preset| {
        let text = preset.text();
        let id = sources.add(SourceKind::Preset(preset.name().to_owned()), text.clone());
        tree::parse(&text, id).tree
    });
    let mut trees: Vec<Option<Node>> = preset.into_iter().collect();
    for input in &layers.files {
        trees.push(parse_file(input, &layers.variables, sources, findings));
    }
    if trees.is_empty() {
        findings.push(Diagnostic::error(Code::EmptyDocument, "no document was given"));
    }
    trees
}

fn parse_file(
    input: &Input,
    variables: &BTreeMap<String, String>,
    sources: &mut SourceMap,
    findings: &mut Findings,
) -> Option<Node> {
    let bytes = match &input.content {
        Ok(bytes) => bytes,
        Err(reason) => {
            let message = format!("cannot read {}: {reason}", input.name);
            findings.push(Diagnostic::error(Code::UnreadableFile, message));
            return None;
        }
    };
    let (text, invalid) = decode(bytes);
    let source = sources.add(SourceKind::File(input.name.clone()), text);
    if let Some(range) = invalid {
        let byte = bytes.get(range.start).copied().unwrap_or_default();
        let message = format!("the byte 0x{byte:02X} is no UTF-8");
        findings.push(Diagnostic::error(Code::InvalidUtf8, message).label(Span::new(source, range), "here"));
        secrets::mask_text(source, sources);
        return None;
    }
    let parsed = tree::parse(sources.get(source).text(), source);
    findings.append(parsed.findings);
    let Some(mut tree) = parsed.tree else {
        secrets::mask_text(source, sources);
        return None;
    };
    secrets::mask_tree(&tree, sources);
    if sources.get(source).text().contains("${") {
        tree::expand(&mut tree, variables, sources, findings);
    }
    check::version(&tree, findings);
    Some(tree)
}

/// The text of a file, and where it stops to be UTF-8. From there on the text holds U+FFFD, so that the place can be
/// shown. A file over the limit is cut: it will be refused unread.
fn decode(bytes: &[u8]) -> (String, Option<std::ops::Range<usize>>) {
    let bytes = bytes.get(..=FILE_BYTES_MAX).unwrap_or(bytes);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        // Cut in the middle of a character by the limit: too large, not broken.
        Err(error) if bytes.len() > FILE_BYTES_MAX && error.error_len().is_none() => {
            (String::from_utf8_lossy(bytes).into_owned(), None)
        }
        Err(error) => {
            let at = error.valid_up_to();
            (String::from_utf8_lossy(bytes).into_owned(), Some(at..at + char::REPLACEMENT_CHARACTER.len_utf8()))
        }
    }
}

/// Merges the trees in order; none if one is broken or there is none.
fn merge_trees(trees: Vec<Option<Node>>) -> Option<Node> {
    let mut trees = trees.into_iter().collect::<Option<Vec<Node>>>()?.into_iter();
    let mut base = trees.next()?;
    for over in trees {
        tree::merge(&mut base, over);
    }
    Some(base)
}

/// The typed document, and the list items that it lacks because they are in error.
fn read_typed(tree: &Node, sources: &SourceMap, findings: &mut Findings) -> (Document, HashSet<DocumentPath>) {
    let mut reader = Reader::new(sources);
    let document = typed::read_document(&mut reader, tree);
    let found = reader.finish();
    findings.append(found.findings);
    (document, found.dropped)
}

fn finish(document: Document, tree: Node, sources: SourceMap, findings: Findings) -> Result<Loaded, Report> {
    let report = Report::new(findings, sources);
    if report.errors() > 0 {
        return Err(report);
    }
    let digest = digest::of(&document, &tree);
    let sources = report.sources.clone();
    Ok(Loaded { document, warnings: report, digest, tree, sources })
}

impl Loaded {
    /// Returns where to point for the value at a path: the value itself, or the nearest thing that was written.
    pub fn span_of(&self, path: &DocumentPath) -> Span {
        self.tree.mark(path)
    }

    /// Returns where the value at a path came from; [`Origin::Default`] where nobody said anything.
    pub fn origin_of(&self, path: &DocumentPath) -> Origin {
        self.tree.source_of(path).map_or(Origin::Default, |node| self.sources.origin(node.span))
    }

    /// Returns whether somebody asked for the value at a path: a file, a variable or a flag.
    pub fn is_explicit(&self, path: &DocumentPath) -> bool {
        !matches!(self.origin_of(path), Origin::Default | Origin::Preset(_))
    }

    /// Returns the texts that the document was made of.
    pub const fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// Begins a finding about the value at a path, for checks that other crates make of the compiled form.
    pub fn finding(
        &self,
        severity: Severity,
        code: Code,
        path: &DocumentPath,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity, ..Diagnostic::error(code, message) }.path(path.clone()).label(self.span_of(path), "")
    }

    /// Makes a report of findings about this document.
    pub fn report(&self, findings: impl IntoIterator<Item = Diagnostic>) -> Report {
        let mut all = Findings::default();
        all.extend(findings);
        Report::new(all, self.sources.clone())
    }

    /// Returns the whole document with every default, each value with its origin; secrets are masked.
    pub fn effective(&self) -> Effective {
        Effective::of(self)
    }
}
