//! Names of headers ignore case: `X-A` and `x-a` in one map are the same key twice.

use std::collections::HashMap;

use super::View;
use crate::{
    diagnostic::{Code, Diagnostic},
    path::DocumentPath,
};

/// Maps whose keys are header names, by the pattern of their path.
const MAPS: [&str; 7] = [
    "routes.*.*.match.headers",
    "routes.*.*.handler.respond.headers",
    "policies.*.headers.request.set",
    "policies.*.headers.request.add",
    "policies.*.headers.response.set",
    "policies.*.headers.response.add",
    "tests.*.headers",
];

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Diagnostic>) {
    const DEEPEST: usize = 6;
    view.tree.walk(&mut Vec::new(), &mut |segments, node| {
        let path = DocumentPath::from(segments.to_vec());
        let Some(map) = node.as_map().filter(|_| MAPS.iter().any(|pattern| path.fits(pattern))) else {
            return segments.len() < DEEPEST;
        };
        let mut seen = HashMap::new();
        for (name, entry) in map {
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), entry.key) {
                let message = format!("the header `{}` stands twice", name.to_ascii_lowercase());
                let finding = Diagnostic::error(Code::DuplicateKey, message).path(path.clone().key(name));
                findings.push(finding.label(entry.key, "again here").label(first, "first here"));
            }
        }
        false
    });
}
