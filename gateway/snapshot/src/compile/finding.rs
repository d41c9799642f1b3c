//! Findings of compiling and applying, as diagnostics with their place in the document.

use config_schema::{Code, DocumentPath, Loaded, Report, Severity};

use crate::ListenerId;

/// One finding before it has a span.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: DocumentPath,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Another place that explains this one, with a word about it.
    pub(super) other: Option<(DocumentPath, String)>,
}

/// All findings of one compilation.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn error(&mut self, path: DocumentPath, code: Code, message: impl Into<String>) {
        self.push(Finding { path, code, message: message.into(), help: None, other: None });
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(super) fn into_report(self, loaded: &Loaded) -> Report {
        let diagnostics = self.0.into_iter().map(|finding| {
            let mut diagnostic = loaded.finding(Severity::Error, finding.code, &finding.path, finding.message);
            if let Some((path, text)) = finding.other {
                diagnostic = diagnostic.label(loaded.span_of(&path), text);
            }
            match finding.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        });
        loaded.report(loaded.warnings.diagnostics.iter().cloned().chain(diagnostics).collect())
    }
}

/// Returns the report of a listener that could not be opened.
pub fn bind_report(loaded: &Loaded, listener: &ListenerId, error: &(dyn std::error::Error + 'static)) -> Report {
    let path = super::root().key("listeners").key(&**listener).key("address");
    let reason = error.source().map_or_else(String::new, |source| format!(": {source}"));
    let message = format!("{error}{reason}");
    let help = "another process may hold the port; `ss -ltnp` names it".to_owned();
    let finding = Finding { path, code: Code::BindFailed, message, help: Some(help), other: None };
    Findings(vec![finding]).into_report(loaded)
}
