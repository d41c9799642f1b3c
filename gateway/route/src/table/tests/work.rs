//! The work of a search, counted: it must not grow with the number of routes.

use super::*;

#[derive(Default)]
struct Count {
    nodes: usize,
    routes: usize,
}

impl RouteTrace for Count {
    fn visited(&mut self) {
        self.nodes += 1;
    }

    fn considered(&mut self, _route: usize, _outcome: Result<(), &Mismatch>) {
        self.routes += 1;
    }
}

fn work(table: &RouteTable, request: &str) -> (usize, usize) {
    let mut count = Count::default();
    table.find(&Head::parse(request, &[]).unwrap(), &mut count);
    (count.nodes, count.routes)
}

/// A table of `size` routes of each kind around the ones that are asked for.
fn table_of(size: usize) -> RouteTable {
    let mut rules = Vec::new();
    for n in 0..size / 5 {
        rules.push(rule(&format!("h{n}.test/a")));
        rules.push(rule(&format!("*.w{n}.test/a")));
        rules.push(rule(&format!("/svc{n}/**")));
        rules.push(rule(&format!("/api/v1/items{n}/{{id}}")));
        rules.push(rule(&format!("/deep/{{x}}/leaf{n}")));
    }
    RouteTable::build(rules)
}

#[test]
fn work_does_not_grow_with_the_number_of_routes() {
    let (small, large) = (table_of(10), table_of(10_000));
    for request in [
        "GET http://h1.test/a",
        "GET http://x.y.w1.test/a",
        "GET http://h/svc1/x/y/z",
        "GET http://h/api/v1/items1/9",
        "GET http://h/deep/9/leaf1",
        "GET http://h/nowhere/at/all",
    ] {
        assert_eq!(work(&small, request), work(&large, request), "{request}");
        let (nodes, routes) = work(&large, request);
        assert!(nodes <= 8 && routes <= 1, "{request}: {nodes} nodes, {routes} routes");
    }
}

#[test]
fn a_long_request_costs_no_more_than_the_table_is_deep() {
    let table = table_of(10_000);
    let long = format!("GET http://{}w1.test/svc1/{}", "x.".repeat(5_000), "y/".repeat(10_000));
    assert!(work(&table, &long).0 <= 8);
}

#[test]
fn overlapping_patterns_are_each_visited_once() {
    // Every mix of a literal and a wildcard in six places: 64 patterns match one path.
    let rules: Vec<_> = (0..64)
        .map(|mask: u32| rule(&(0..6).map(|bit| if mask & (1 << bit) == 0 { "/a" } else { "/*" }).collect::<String>()))
        .collect();
    let (nodes, routes) = work(&RouteTable::build(rules), "GET http://h/a/a/a/a/a/a");
    assert_eq!((nodes, routes), (127, 1));
}
