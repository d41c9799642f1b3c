//! Names of headers ignore case: `X-A` and `x-a` in one map are the same key twice.

use std::collections::HashMap;

use super::View;
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::DocumentPath,
};

/// Maps whose keys are header names, by the pattern of their path.
const MAPS: [&str; 7] = [
    "routes.*.[].match.headers",
    "routes.*.[].handler.respond.headers",
    "policies.*.headers.request.set",
    "policies.*.headers.request.add",
    "policies.*.headers.response.set",
    "policies.*.headers.response.add",
    "tests.[].headers",
];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for pattern in MAPS {
        view.tree.select(pattern, &mut |path, node| {
            let mut seen = HashMap::new();
            for (name, entry) in node.as_map().into_iter().flatten() {
                let lower = name.to_ascii_lowercase();
                let message = format!("the header `{lower}` stands twice");
                if let Some(first) = seen.insert(lower, entry.key) {
                    let finding =
                        Diagnostic::error(Code::DuplicateKey, message).path(DocumentPath::from(path).key(name));
                    findings.push(finding.label(entry.key, "again here").label(first, "first here"));
                }
            }
        });
    }
}
