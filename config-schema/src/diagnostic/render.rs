//! A report for people: `file:line:column`, the lines of the source with carets, what to do.
//!
//! Only a window of the source around each label is handed to the renderer, so that a report costs what it shows and
//! not what the file holds.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet};

use super::{Diagnostic, Fix, Label, Report, Severity};
use crate::source::{Source, SourceKind, SourceMap, Span};

/// Labels of one source at most this many lines apart share one window.
const WINDOW_LINES: usize = 6;

/// A line longer than this is not shown, only its place is named; so it is with an empty one.
const LONGEST_LINE_BYTES: usize = 2_000;

pub(super) fn report(report: &Report, color: bool) -> String {
    if report.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in &report.diagnostics {
        text.push_str(&renderer.render(&groups(finding, &report.sources)));
        text.push_str("\n\n");
    }
    text.push_str(&report.summary());
    text.push('\n');
    text
}

fn groups<'a>(finding: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut main =
        level.primary_title(finding.message.as_str()).id(finding.code.as_str()).elements(Vec::<Element<'_>>::new());
    for element in places(&finding.labels, sources) {
        main = main.element(element);
    }
    for help in &finding.help {
        main = main.element(Level::HELP.message(help.as_str()));
    }
    let mut groups = vec![main];
    groups.extend(finding.fix.as_ref().and_then(|fix| fix_group(fix, sources)));
    groups
}

/// One element a place: a snippet of a file, or the name of the variable or flag with its value.
fn places<'a>(labels: &'a [Label], sources: &'a SourceMap) -> Vec<Element<'a>> {
    let mut elements = Vec::new();
    let mut rest: Vec<(usize, &Label)> = labels.iter().enumerate().collect();
    while let Some((_, first)) = rest.first().copied() {
        let source = sources.get(first.span.source);
        let line = source.line_of(first.span.start as usize);
        let near = |label: &Label| {
            label.span.source == first.span.source
                && source.line_of(label.span.start as usize).abs_diff(line) <= WINDOW_LINES
        };
        let (together, apart): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, label)| near(label));
        rest = apart;
        elements.extend(window(source, &together));
    }
    elements
}

fn window<'a>(source: &'a Source, labels: &[(usize, &'a Label)]) -> Vec<Element<'a>> {
    let name = match source.kind() {
        SourceKind::File(name) => name.clone(),
        SourceKind::Preset(name) => format!("preset {name}"),
        SourceKind::Variable(name) => return outside(format!("environment variable {name}"), labels),
        SourceKind::Flag(name) => return outside(format!("flag {name}"), labels),
    };
    let lines = labels.iter().map(|(_, label)| source.line_of(label.span.start as usize));
    let first = lines.clone().min().unwrap_or_default();
    let last = lines.max().unwrap_or_default();
    let range = source.line_range(first).start..source.line_range(last).end;
    let shown = source.shown(range.clone());
    let too_long = (first..=last).any(|line| source.line_range(line).len() > LONGEST_LINE_BYTES);
    if too_long || shown.trim().is_empty() {
        let at = labels.first().map(|(_, label)| source.position(label.span.start as usize));
        let at = at.expect("a window has a label");
        return vec![Origin::path(name).line(at.line).char_column(at.column).into()];
    }
    let annotations = labels.iter().map(|(order, label)| annotation(source, *order, label, &range));
    let snippet = Snippet::source(shown).line_start(first + 1).path(name);
    vec![snippet.annotations(annotations.collect::<Vec<_>>()).into()]
}

/// What came from a variable or a flag is shown by its name; the message holds the value.
fn outside<'a>(name: String, labels: &[(usize, &'a Label)]) -> Vec<Element<'a>> {
    let notes = labels.iter().filter(|(_, label)| !label.text.is_empty());
    let notes = notes.map(|(_, label)| Level::NOTE.message(label.text.as_str()).into());
    std::iter::once(Origin::path(name).into()).chain(notes).collect()
}

fn annotation<'a>(source: &Source, order: usize, label: &'a Label, window: &Range<usize>) -> Annotation<'a> {
    let kind = if order == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
    let range = one_line(source, label.span);
    let annotation = kind.span(range.start - window.start..range.end - window.start);
    if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
}

/// Cuts a span at the end of its first line: that line is where people look.
fn one_line(source: &Source, span: Span) -> Range<usize> {
    let range = span.range();
    let line_end = source.line_range(source.line_of(range.start)).end;
    let start = range.start.min(line_end);
    start..range.end.clamp(start, line_end)
}

fn fix_group<'a>(fix: &'a Fix, sources: &'a SourceMap) -> Option<Group<'a>> {
    let title = fix.title.as_deref()?;
    let source = sources.get(fix.span.source);
    let line = source.line_of(fix.span.start as usize);
    let range = source.line_range(line);
    let span = one_line(source, fix.span);
    if range.len() > LONGEST_LINE_BYTES {
        return None;
    }
    let patch = Patch::new(span.start - range.start..span.end - range.start, fix.replacement.as_str());
    let snippet = Snippet::source(source.shown(range)).line_start(line + 1).patch(patch);
    Some(Level::HELP.secondary_title(title).element(snippet))
}
