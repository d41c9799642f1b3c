//! The keys of a route fit its handler: what it needs is there, what it would ignore is not.

use super::View;
use crate::{
    diagnostic::{Code, Diagnostic},
    document::{Handler, Route},
    path::DocumentPath,
};

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, route, path) in view.routes() {
        let written = view.tree.at(&path.clone().key("handler"));
        if written.is_some_and(|node| node.reported) {
            continue; // a handler that is not built yet
        }
        needs_service(view, route, &path, findings);
        for (key, reason) in unused_keys(&route.handler) {
            let path = path.clone().key(*key);
            if view.is_written(&path) {
                let message = format!("`{key}` has no effect here: {reason}");
                findings.push(
                    view.error_at_key(Code::UnusedKey, path, message).help("leave it out, or choose another handler"),
                );
            }
        }
    }
}

fn needs_service(view: &View<'_>, route: &Route, path: &DocumentPath, findings: &mut Vec<Diagnostic>) {
    if matches!(route.handler, Handler::Proxy(_)) && !view.is_written(&path.clone().key("service")) {
        let finding = view
            .error_with(
                Code::MissingKey,
                path.clone().key("handler"),
                "the key `service` is missing",
                "`proxy` needs a service",
            )
            .help("name a cluster of `services` or of the registry: `service: NAME`");
        findings.push(finding);
    }
}

/// The keys of a route that its handler does not use, and why.
const fn unused_keys(handler: &Handler) -> &'static [(&'static str, &'static str)] {
    match handler {
        Handler::Meta | Handler::Rpc => &[],
        Handler::Proxy(_) => &[
            ("resolver", "`proxy` passes the request on as it is"),
            ("namespace", "`proxy` calls the service that is named"),
            ("type", "`proxy` calls the service that is named"),
        ],
        Handler::Respond(_) | Handler::Redirect(_) => &[
            ("service", "the gateway answers itself"),
            ("resolver", "the gateway answers itself"),
            ("namespace", "the gateway answers itself"),
            ("type", "the gateway answers itself"),
        ],
    }
}
