//! The body of the fuzz target `find`: patterns and requests out of bytes, and what must hold for all of them.

use gateway_exchange::Head;
use gateway_route::{Fit, Found, HostPattern, MatchRule, NoTrace, PathPattern, RouteTable};

/// Reads lines `[HOST]/PATTERN` until an empty one, then request targets, and searches each.
///
/// # Panics
/// When an error points outside its text, when a found route does not match by itself, when `explain` and `find`
/// disagree, or when a route called unreachable is reached.
pub(crate) fn find(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let rules: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).take(64).filter_map(rule).collect();
    let table = RouteTable::build(rules);
    let unreachable = table.unreachable();
    for line in lines.take(64) {
        let (host, target) = line.split_at(line.find('/').unwrap_or(line.len()));
        let host = if host.is_empty() { "h" } else { host };
        if let Ok(head) = Head::parse(&format!("GET http://{host}{target}"), &[]) {
            search(&table, &head);
            let taken = table.explain(&head).into_iter().find(|(_, fit)| *fit == Fit::Taken);
            assert!(taken.is_none_or(|(index, _)| unreachable.iter().all(|found| found.route != index)));
        }
    }
}

fn rule(line: &str) -> Option<MatchRule> {
    let (host, path) = line.split_at(line.find('/').unwrap_or(line.len()));
    let host =
        HostPattern::parse(host).map_err(|error| assert!(host.get(error.offset..).is_some(), "{host}: {error:?}"));
    let path =
        PathPattern::parse(path).map_err(|error| assert!(path.get(error.offset..).is_some(), "{path}: {error:?}"));
    Some(MatchRule { hosts: host.into_iter().collect(), ..MatchRule::path(path.ok()?) })
}

fn search(table: &RouteTable, head: &Head) {
    let fits = table.explain(head);
    let Found::Route { index, captures } = table.find(head, &mut NoTrace) else {
        assert!(fits.iter().all(|(_, fit)| matches!(fit, Fit::Mismatch(_))), "{head:?}");
        return;
    };
    assert_eq!(table.rules()[index].check(head), Ok(()));
    assert!(fits.contains(&(index, Fit::Taken)));
    let decoded: String = head.target().segments().collect::<Vec<_>>().join("/");
    for (name, value) in captures.iter(head.target()) {
        assert!(!value.is_empty() && decoded.contains(&*value), "{name}={value} in {decoded}");
    }
}
