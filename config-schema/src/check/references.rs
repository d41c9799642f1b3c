//! Every name that is used is the name of something.

use std::collections::HashSet;

use super::{View, key};
use crate::{
    diagnostic::{Code, Diagnostic, Findings, Fix},
    path::DocumentPath,
    suggest::did_you_mean,
    value::{PolicySetName, RouteTableName},
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, listener) in &view.document.listeners {
        let path = key("listeners").key(name.as_str());
        table(view, &listener.routes, path.clone().key("routes"), findings);
        policies(view, &listener.policies, &path, findings);
    }
    for (_, route, path) in view.routes() {
        policies(view, &route.policies, &path, findings);
    }
    if let Some(rpc) = &view.document.rpc {
        for listener in &rpc.listeners {
            let path = view.item(key("rpc").key("listeners"), listener.as_str());
            reference(view, "listeners", "listener", listener.as_str(), path, findings);
        }
        policies(view, &rpc.policies, &key("rpc"), findings);
    }
    tests(view, findings);
    proxied_services(view, findings);
}

fn tests(view: &View<'_>, findings: &mut Findings) {
    let base = key("tests");
    let written = (0..).map(|index| base.clone().index(index)).filter(|path| !view.dropped.contains(path));
    for (test, path) in view.document.tests.iter().zip(written) {
        if let Some(listener) = &test.listener {
            reference(view, "listeners", "listener", listener.as_str(), path.clone().key("listener"), findings);
        }
        let expect = path.key("expect");
        if let Some(listener) = &test.expect.listener {
            reference(view, "listeners", "listener", listener.as_str(), expect.clone().key("listener"), findings);
        }
        if let Some(name) = &test.expect.table {
            table(view, name, expect.key("table"), findings);
        }
    }
}

/// The services of routes may be found in the registry at any time; only a near miss of a static one is worth a word.
fn proxied_services(view: &View<'_>, findings: &mut Findings) {
    /// To compare each with each must not take long.
    const COMPARED_MAX: usize = 1_000;
    let names = view.names("services");
    let mut seen = HashSet::new();
    for (_, route, path) in view.routes() {
        let Some(service) = route.service.as_ref().map(AsRef::as_ref) else { continue };
        if view.has("services", service) || !seen.insert(service) || seen.len() > COMPARED_MAX {
            continue;
        }
        if let Some(meant) = did_you_mean(service, names.iter().copied()) {
            let path = path.key("service");
            let mark = view.tree.mark(&path);
            let message = format!("no static service is called `{service}`, so the registry must know it");
            let finding = Diagnostic::warning(Code::UnknownReference, message)
                .path(path)
                .label(mark, format!("did you mean `{meant}`?"))
                .fix(Fix { span: mark, replacement: meant.to_owned(), title: None });
            findings.push(finding);
        }
    }
}

fn table(view: &View<'_>, name: &RouteTableName, path: DocumentPath, findings: &mut Findings) {
    reference(view, "routes", "route table", name.as_str(), path, findings);
}

fn policies(view: &View<'_>, names: &[PolicySetName], holder: &DocumentPath, findings: &mut Findings) {
    for name in names {
        let path = view.item(holder.clone().key("policies"), name.as_str());
        reference(view, "policies", "policy set", name.as_str(), path, findings);
    }
}

fn reference(view: &View<'_>, section: &str, noun: &str, name: &str, path: DocumentPath, findings: &mut Findings) {
    if view.has(section, name) {
        return;
    }
    let known = view.names(section);
    let mark = view.tree.mark(&path);
    let finding = Diagnostic::error(Code::UnknownReference, format!("there is no {noun} `{name}`")).path(path);
    let finding = match did_you_mean(name, known.iter().copied()) {
        Some(meant) => finding.label(mark, format!("did you mean `{meant}`?")).fix(Fix {
            span: mark,
            replacement: meant.to_owned(),
            title: None,
        }),
        None if known.is_empty() => {
            finding.label(mark, "").help(format!("`{section}` of this document is empty; add `{name}` there"))
        }
        None => {
            let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            finding.label(mark, "").help(format!("`{section}` holds {list}"))
        }
    };
    findings.push(finding);
}
