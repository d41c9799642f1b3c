//! The keys of a registry fit its kind: the embedded one is reached nowhere, it listens.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    document::RegistryKind,
    path::DocumentPath,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (registry, path) in view.registries() {
        if registry.kind == RegistryKind::Memory && !registry.addresses.is_empty() && !is_in_error(view, &path) {
            let finding = view.error_at_key(
                Code::UnusedKey,
                path.key("addresses"),
                "`addresses` has no effect here: the embedded registry is in this process",
            );
            findings
                .push(finding.help("name the `kind` of the registry that is reached there, or leave `addresses` out"));
        }
    }
    let embedded = view.registries().filter(|(registry, _)| registry.kind == RegistryKind::Memory);
    for (_, path) in embedded.skip(1) {
        if !is_in_error(view, &path) {
            findings.push(view.error(Code::DuplicateName, path, "there is one embedded registry only"));
        }
    }
}

/// A kind that is not built yet, or unknown, reads as the default.
fn is_in_error(view: &View<'_>, path: &DocumentPath) -> bool {
    let kind = view.tree.at(&path.clone().key("kind")).or_else(|| view.tree.at(path));
    let known = ["memory", "embedded"];
    let word = kind.and_then(|node| node.as_scalar());
    view.tree.at(&key("registry")).is_some_and(|node| node.reported)
        || word.is_some_and(|word| !known.contains(&word.text.as_str()))
}
