//! Findings of compiling and applying, as diagnostics with their place in the document.

use std::io;

use config_schema::{Code, Diagnostic, DocumentPath, Loaded, Report, Severity, Span};

use crate::ListenerId;

/// One finding before it has a span.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: DocumentPath,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Other places that explain this one, each with a word about it.
    pub(super) others: Vec<(DocumentPath, String)>,
    /// Where in the text of the value the fault is, in bytes.
    pub(super) offset: Option<usize>,
}

/// All findings of one compilation.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn error(&mut self, path: DocumentPath, code: Code, message: impl Into<String>) {
        self.push(Finding { path, code, message: message.into(), help: None, others: Vec::new(), offset: None });
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(super) fn into_report(self, loaded: &Loaded) -> Report {
        let ours = self.0.into_iter().map(|finding| finding.into_diagnostic(loaded));
        loaded.report(loaded.warnings.diagnostics.iter().cloned().chain(ours).collect::<Vec<_>>())
    }
}

impl Finding {
    fn into_diagnostic(self, loaded: &Loaded) -> Diagnostic {
        let mut diagnostic = loaded.finding(Severity::Error, self.code, &self.path, self.message);
        if let (Some(offset), Some(label)) = (self.offset, diagnostic.labels.first_mut()) {
            label.span = narrowed(loaded, label.span, offset);
        }
        for (path, text) in self.others {
            diagnostic = diagnostic.label(loaded.span_of(&path), text);
        }
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// Moves the start of a scalar's span to the fault, where the scalar stands in the source as it was read.
fn narrowed(loaded: &Loaded, span: Span, offset: usize) -> Span {
    let text = loaded.sources().slice(span);
    let quoted = text.starts_with(['"', '\'']);
    let start = offset + usize::from(quoted);
    let escaped = text.contains('\\') || text.contains("${") || text.contains("''");
    let whole = escaped || start >= text.len() || !text.is_char_boundary(start);
    match u32::try_from(start) {
        Ok(start) if !whole => Span { start: span.start + start, ..span },
        _ => span,
    }
}

/// Returns the report of a listener that could not be opened.
pub fn bind_report(loaded: &Loaded, listener: &ListenerId, error: &(dyn std::error::Error + 'static)) -> Report {
    let path = super::root().key("listeners").key(&**listener).key("address");
    let reason = error.source().map_or_else(String::new, |source| format!(": {source}"));
    let finding = Finding {
        path,
        code: Code::BindFailed,
        message: format!("{error}{reason}"),
        help: error.source().and_then(|source| bind_help(source)).map(str::to_owned),
        others: Vec::new(),
        offset: None,
    };
    Findings(vec![finding]).into_report(loaded)
}

fn bind_help(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::AddrInUse => Some("another process holds the port; `ss -ltnp` names it"),
        io::ErrorKind::PermissionDenied => {
            Some("ports below 1024 need a privilege: take a higher one, or grant CAP_NET_BIND_SERVICE")
        }
        io::ErrorKind::AddrNotAvailable => Some("no interface of this machine has this address"),
        _ => None,
    }
}
