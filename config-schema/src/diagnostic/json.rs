//! A report for machines. Keys are only ever added.

use serde_json::{Value, json};

use super::{Diagnostic, Label, Report};
use crate::source::{SourceKind, SourceMap, Span};

pub(super) fn report(report: &Report) -> Value {
    let diagnostics: Vec<Value> = report.diagnostics.iter().map(|one| diagnostic(one, &report.sources)).collect();
    json!({ "diagnostics": diagnostics, "errors": report.errors(), "warnings": report.warnings() })
}

fn diagnostic(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let labels: Vec<Value> = diagnostic.labels.iter().map(|one| label(one, sources)).collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let mut place = place(fix.span, sources);
        place["replacement"] = json!(fix.replacement);
        place
    });
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "path": diagnostic.path.as_ref().map(ToString::to_string),
        "labels": labels,
        "help": diagnostic.help,
        "fix": fix,
    })
}

fn label(label: &Label, sources: &SourceMap) -> Value {
    let mut place = place(label.span, sources);
    if !label.text.is_empty() {
        place["text"] = json!(label.text);
    }
    place
}

fn place(span: Span, sources: &SourceMap) -> Value {
    let source = sources.get(span.source);
    let name = match source.kind() {
        SourceKind::File(name) => json!({ "file": name }),
        SourceKind::Preset(name) => json!({ "preset": name }),
        SourceKind::Variable(name) => return json!({ "variable": name }),
        SourceKind::Flag(name) => return json!({ "flag": name }),
    };
    let (start, end) = (source.position(span.start as usize), source.position(span.end as usize));
    let mut place = name;
    place["line"] = json!(start.line);
    place["column"] = json!(start.column);
    place["end_line"] = json!(end.line);
    place["end_column"] = json!(end.column);
    place
}
