//! Framing and connection headers belong to the gateway: a document that sets them breaks messages (RFC 9110 §7.6.1).

use indexmap::IndexMap;

use super::{View, key};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    document::{Handler, HeaderEdits},
    path::DocumentPath,
    value::HeaderName,
};

const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, set) in &view.document.policies {
        let Some(headers) = &set.headers else { continue };
        let path = key("policies").key(name.as_str()).key("headers");
        edits(view, &headers.request, &path.clone().key("request"), findings);
        edits(view, &headers.response, &path.key("response"), findings);
    }
    for (_, route, path) in view.routes() {
        let Handler::Respond(respond) = &route.handler else { continue };
        let path = path.key("handler").key("respond").key("headers");
        names(view, &respond.headers, &path, findings);
        if respond.headers.keys().any(|name| name.as_str() == "content-type") {
            let written = written_name(view, &path, "content-type");
            let finding =
                view.error_at_key(Code::ReservedHeader, written, "the header `content-type` has a key of its own");
            findings.push(finding.help("write `content_type: …` beside `headers`"));
        }
    }
}

fn edits(view: &View<'_>, edits: &HeaderEdits, path: &DocumentPath, findings: &mut Findings) {
    names(view, &edits.set, &path.clone().key("set"), findings);
    names(view, &edits.add, &path.clone().key("add"), findings);
    let list = path.clone().key("remove");
    for (index, name) in edits.remove.iter().enumerate() {
        if RESERVED.contains(&name.as_str()) {
            findings.push(reserved(view, list.clone().index(index), name));
        }
    }
}

fn names<V>(view: &View<'_>, headers: &IndexMap<HeaderName, V>, path: &DocumentPath, findings: &mut Findings) {
    for name in headers.keys().filter(|name| RESERVED.contains(&name.as_str())) {
        findings.push(reserved(view, written_name(view, path, name.as_str()), name));
    }
}

/// The path of a header as it was written: `Connection` for `connection`.
fn written_name(view: &View<'_>, path: &DocumentPath, name: &str) -> DocumentPath {
    let map = view.tree.at(path).and_then(|node| node.as_map());
    let written = map.and_then(|map| map.keys().find(|key| key.eq_ignore_ascii_case(name)));
    path.clone().key(written.map_or(name, String::as_str))
}

fn reserved(view: &View<'_>, path: DocumentPath, name: &HeaderName) -> Diagnostic {
    let finding =
        view.error_at_key(Code::ReservedHeader, path, format!("the header `{name}` is written by the gateway alone"));
    if name.as_str() == "host" {
        finding.help("to choose the host that an endpoint sees write `handler: { proxy: { host: … } }`")
    } else {
        finding
    }
}
