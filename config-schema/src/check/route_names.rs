//! Names of routes are unique in their table: logs, metrics and tests go by them.

use std::collections::HashMap;

use super::View;
use crate::diagnostic::{Code, Findings};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (table, route, path) in view.routes() {
        let Some(name) = &route.name else { continue };
        let path = path.key("name");
        let mark = view.tree.mark(&path);
        if let Some(first) = seen.insert((table, name), mark) {
            let message = format!("two routes of `{table}` are called `{name}`");
            findings.push(view.error_with(Code::DuplicateName, path, message, "second one").label(first, "first one"));
        }
    }
}
