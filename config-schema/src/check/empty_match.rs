//! A match says something: to match everything is said as `path: /**`.

use super::View;
use crate::{
    diagnostic::{Code, Findings},
    tree::{Map, Node},
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (_, route, path) in view.routes() {
        let path = path.key("match");
        // A condition that could not be read is no empty match.
        let nothing_written =
            view.tree.at(&path).and_then(Node::as_map).is_none_or(|map| map.values().all(|e| e.node.is_null()));
        let lists_empty = view.tree.at(&path).and_then(Node::as_map).is_some_and(only_empty_lists);
        if route.r#match.is_empty() && (nothing_written || lists_empty) {
            findings.push(view.error_with(Code::EmptyMatch, path, "the match is empty", "no condition stands here"));
        }
    }
}

fn only_empty_lists(map: &Map) -> bool {
    map.values().all(|entry| match (entry.node.as_list(), entry.node.as_map()) {
        (Some(items), _) => items.is_empty(),
        (_, Some(map)) => map.is_empty(),
        _ => entry.node.is_null(),
    })
}
