//! The keys of a route fit its handler: what it would ignore is not there.

use super::View;
use crate::{
    diagnostic::{Code, Findings},
    document::{Handler, Route},
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (_, route, path) in view.routes() {
        let written = view.tree.at(&path.clone().key("handler"));
        if written.is_some_and(|node| node.reported) {
            continue; // a handler that is not built yet
        }
        for (key, reason) in unused_keys(route) {
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

/// The keys of a route that its handler does not use, and why.
fn unused_keys(route: &Route) -> &'static [(&'static str, &'static str)] {
    match &route.handler {
        Handler::Meta | Handler::Rpc => &[],
        Handler::Event => &[
            ("service", "an event goes to a topic, which its path and the namespace name"),
            ("resolver", "an event goes to a topic, which its path and the namespace name"),
        ],
        // Without a service of its own, a proxy route asks the resolver (spec/gateway 4.7).
        Handler::Proxy(_) if route.service.is_none() => &[],
        Handler::Proxy(_) => &[
            ("resolver", "`proxy` calls the service that is named"),
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
