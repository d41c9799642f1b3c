//! A route table without routes answers 404 to everything: that is a slip.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    tree::Node,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for table in view.names("routes") {
        let path = key("routes").key(table);
        let empty =
            view.tree.at(&path).is_some_and(|node| node.is_null() || node.as_list().is_some_and(<[Node]>::is_empty));
        if empty {
            let message = format!("the route table `{table}` holds no routes");
            let finding = view.error(Code::EmptyList, path, message);
            findings
                .push(finding.help("a route that matches everything is `- { match: { path: /** }, handler: meta }`"));
        }
    }
}
