//! The keys of a registry fit its kind: the embedded one and mdns are reached nowhere, a file has one path; only etcd
//! knows users, and only mdns interfaces.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    document::{Registry, RegistryKind},
    path::DocumentPath,
};

/// Keys that only one kind has.
const OF_ONE_KIND: [(&str, RegistryKind, &str); 8] = [
    ("joined", RegistryKind::Memory, "memory"),
    ("user", RegistryKind::Etcd, "etcd"),
    ("password", RegistryKind::Etcd, "etcd"),
    ("ca", RegistryKind::Etcd, "etcd"),
    ("cert", RegistryKind::Etcd, "etcd"),
    ("key", RegistryKind::Etcd, "etcd"),
    ("prefix", RegistryKind::Etcd, "etcd"),
    ("interfaces", RegistryKind::Mdns, "mdns"),
];

/// Kinds of which there is one, and what is said of a second.
const ALONE: [(RegistryKind, &str); 2] = [
    (RegistryKind::Memory, "there is one embedded registry only"),
    (RegistryKind::Mdns, "there is one registry of kind `mdns` only"),
];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (registry, path) in view.registries().filter(|(_, path)| !is_in_error(view, path)) {
        check_keys_of_one_kind(view, registry, &path, findings);
        for pair in [["user", "password"], ["cert", "key"]] {
            check_pair(view, registry, &path, pair, findings);
        }
        check_addresses(view, registry, path, findings);
    }
    for (kind, message) in ALONE {
        let same = view.registries().filter(|(registry, path)| registry.kind == kind && !is_in_error(view, path));
        for (_, path) in same.skip(1) {
            findings.push(view.error(Code::DuplicateName, path, message));
        }
    }
}

fn check_addresses(view: &View<'_>, registry: &Registry, path: DocumentPath, findings: &mut Findings) {
    let reason = match registry.kind {
        RegistryKind::Memory => "the embedded registry is in this process",
        RegistryKind::Mdns => "mdns asks the whole network",
        RegistryKind::File if registry.addresses.len() != 1 => {
            let message = "a registry of kind `file` needs one address, which is the path of the file";
            findings.push(view.error(Code::MissingKey, path, message).help("add `addresses: [services.yaml]`"));
            return;
        }
        _ => return,
    };
    if !registry.addresses.is_empty() {
        let message = format!("`addresses` has no effect here: {reason}");
        let finding = view.error_at_key(Code::UnusedKey, path.key("addresses"), message);
        findings.push(finding.help("name the `kind` of the registry that is reached there, or leave `addresses` out"));
    }
}

fn check_keys_of_one_kind(view: &View<'_>, registry: &Registry, path: &DocumentPath, findings: &mut Findings) {
    for (name, kind, word) in OF_ONE_KIND {
        let key = path.clone().key(name);
        if registry.kind != kind && view.is_written(&key) {
            let message = format!("`{name}` has no effect here: only a registry of kind `{word}` has it");
            let help = format!("leave it out, or write `kind: {word}`");
            findings.push(view.error_at_key(Code::UnusedKey, key, message).help(help));
        }
    }
}

/// A user and a password are one thing, and so are a certificate and its key.
fn check_pair(
    view: &View<'_>,
    registry: &Registry,
    path: &DocumentPath,
    [one, other]: [&str; 2],
    findings: &mut Findings,
) {
    let is_given = |name: &str| view.is_written(&path.clone().key(name));
    if registry.kind != RegistryKind::Etcd || is_given(one) == is_given(other) {
        return;
    }
    let (given, missing) = if is_given(one) { (one, other) } else { (other, one) };
    let message = format!("`{given}` without `{missing}` signs nobody in");
    let finding = view.error_at_key(Code::MissingKey, path.clone().key(given), message);
    findings.push(finding.help(format!("add `{missing}`")));
}

/// A kind that is not built yet, or unknown, reads as the default.
fn is_in_error(view: &View<'_>, path: &DocumentPath) -> bool {
    let kind = view.tree.at(&path.clone().key("kind")).or_else(|| view.tree.at(path));
    let known = ["memory", "embedded", "mdns", "etcd", "etcdv3", "service", "file"];
    let word = kind.and_then(|node| node.as_scalar());
    view.tree.at(&key("registry")).is_some_and(|node| node.reported)
        || word.is_some_and(|word| !known.contains(&word.text.as_str()))
}
