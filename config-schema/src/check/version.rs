//! Each file says in which version of the language it is written: an empty file, as it is seen while a file is
//! written in place, is no valid document.

use crate::{
    diagnostic::{Code, Diagnostic, Findings, Fix},
    path::DocumentPath,
    source::Span,
    tree::Node,
};

pub(crate) fn check(tree: &Node, findings: &mut Findings) {
    if tree.as_map().is_none() || tree.get("version").is_some() {
        return; // no map at all is a finding of its own; an unknown version is found when it is read
    }
    let start = Span { end: tree.span.start, ..tree.span };
    let finding = Diagnostic::error(Code::MissingVersion, "the version of the document is missing")
        .path(DocumentPath::root().key("version"))
        .label(tree.span, "")
        .fix(Fix {
            span: start,
            replacement: "version: micro/v1\n".to_owned(),
            title: Some("each file begins with it".to_owned()),
        });
    findings.push(finding);
}
