//! CORS that browsers take, and that opens no more than it says (Fetch standard, CORS protocol and credentials).

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    value::WebOrigin,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, set) in &view.document.policies {
        let Some(cors) = &set.cors else { continue };
        let path = key("policies").key(name.as_str()).key("cors");
        let any = cors.origins.contains(&WebOrigin::Any);
        if any && cors.credentials {
            let finding = view
                .error(
                    Code::BadCors,
                    view.item(path.clone().key("origins"), "*"),
                    "any origin together with credentials",
                )
                .label(view.tree.mark(&path.clone().key("credentials")), "credentials are allowed here")
                .help("every web page could act as its visitor; list the origins, or leave `credentials` out");
            findings.push(finding);
        }
        let written = view.is_written(&path.clone().key("origins"));
        if cors.origins.is_empty() && !cors.reflect && !written {
            let finding =
                view.error_with(Code::MissingKey, path, "the key `origins` is missing", "`origins` is needed here");
            findings.push(finding.help("list the web pages that may call: `origins: [\"https://app.example.com\"]`"));
        }
    }
}
