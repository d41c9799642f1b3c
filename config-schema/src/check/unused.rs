//! What a document defines and nothing uses is nearly always a slip, but harms nobody: a warning.

use std::collections::HashSet;

use super::{View, key};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::DocumentPath,
    value::PolicySetName,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let document = view.document;
    let tables: HashSet<&str> = document.listeners.values().map(|listener| listener.routes.as_str()).collect();
    let of_listeners = document.listeners.values().flat_map(|listener| &listener.policies);
    let of_routes = document.routes.values().flatten().flat_map(|route| &route.policies);
    let of_rpc = document.rpc.iter().flat_map(|rpc| &rpc.policies);
    let sets: HashSet<&str> = of_listeners.chain(of_routes).chain(of_rpc).map(PolicySetName::as_str).collect();
    if findings.has_errors() {
        return; // what is in error may be the use
    }
    for name in document.routes.keys().filter(|name| !tables.contains(name.as_str())) {
        unused(view, key("routes").key(name.as_str()), format!("no listener uses the route table `{name}`"), findings);
    }
    for name in document.policies.keys().filter(|name| !sets.contains(name.as_str())) {
        unused(view, key("policies").key(name.as_str()), format!("nothing uses the policy set `{name}`"), findings);
    }
}

fn unused(view: &View<'_>, path: DocumentPath, message: String, findings: &mut Findings) {
    if !view.is_built_in(&path) {
        let mark = view.tree.mark(&path);
        findings.push(Diagnostic::warning(Code::Unused, message).path(path).label(mark, ""));
    }
}
