//! `cors: { reflect: true }` lets any web page call, as Micro v2 did. Only the presets may: a document lists origins.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    source::SourceKind,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, set) in &view.document.policies {
        let path = key("policies").key(name.as_str()).key("cors").key("reflect");
        let Some(node) = view.tree.at(&path) else { continue };
        let from_file = matches!(view.sources.get(node.span.source).kind(), SourceKind::File(_));
        if from_file && set.cors.as_ref().is_some_and(|cors| cors.reflect) {
            let finding = view.error_at_key(Code::PresetOnly, path, "only the built-in presets may reflect any origin");
            findings.push(finding.help("list the web pages that may call: `origins: [\"https://app.example.com\"]`"));
        }
    }
}
