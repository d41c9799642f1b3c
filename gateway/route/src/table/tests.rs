use gateway_exchange::Head;
use http::Method;
use http::header::HeaderName;

use crate::*;

mod differential;
mod work;

/// Builds a rule of text: `GET,POST a.test,*.b.test/path x-h=1 ?q=1`; the methods, the hosts and the conditions may be
/// missing. A condition without `=` asks for presence, `!` in front for absence.
fn rule(text: &str) -> MatchRule {
    let mut words = text.split(' ').peekable();
    let methods = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b','));
    let place = words.next().unwrap();
    let (hosts, path) = place.split_at(place.find('/').unwrap());
    let mut rule = MatchRule {
        hosts: hosts.split(',').filter(|host| !host.is_empty()).map(|host| HostPattern::parse(host).unwrap()).collect(),
        path: Some(PathPattern::parse(path).unwrap()),
        methods: methods.into_iter().flat_map(|methods| methods.split(',')).map(|m| m.parse().unwrap()).collect(),
        ..MatchRule::default()
    };
    for word in words {
        let (name, pattern) = match (word.strip_prefix('!'), word.split_once('=')) {
            (Some(name), _) => (name, ValuePattern::Absent),
            (None, Some((name, value))) => (name, ValuePattern::exact(value)),
            (None, None) => (word, ValuePattern::Present),
        };
        match name.strip_prefix('?') {
            Some(name) => rule.query.push((name.to_owned(), pattern)),
            None => rule.headers.push((name.parse::<HeaderName>().unwrap(), pattern)),
        }
    }
    rule
}

fn table(rules: &[&str]) -> RouteTable {
    RouteTable::build(rules.iter().map(|text| rule(text)).collect())
}

/// Sends a request, `METHOD URL [name=value …]`, and compares the text of the rule that takes it, `405 ALLOW` or `404`.
fn check(rules: &[&str], request: &str, expected: &str) {
    let mut words = request.splitn(3, ' ');
    let line = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    let headers: Vec<_> = words.next().into_iter().flat_map(|rest| rest.split(' ')).collect();
    let headers: Vec<_> = headers.iter().map(|header| header.split_once('=').unwrap()).collect();
    let head = Head::parse(&line, &headers).unwrap();
    let table = table(rules);
    let found = match table.find(&head, &mut NoTrace) {
        Found::Route { index, .. } => rules[index].to_owned(),
        Found::MethodMismatch { allow } => {
            format!("405 {}", allow.iter().map(Method::as_str).collect::<Vec<_>>().join(","))
        }
        Found::None => "404".to_owned(),
    };
    assert_eq!(found, expected, "{rules:?} {request}");
}

#[test]
fn hosts_come_first() {
    let rules = ["/a", "*.test/a", "*.b.test/a", "x.b.test/**"];
    check(&rules, "GET http://x.b.test/a", "x.b.test/**");
    check(&rules, "GET http://y.b.test/a", "*.b.test/a");
    check(&rules, "GET http://y.x.b.test/a", "*.b.test/a");
    check(&rules, "GET http://b.test/a", "*.test/a");
    check(&rules, "GET http://test/a", "/a");
    check(&rules, "GET http://x.b.test./a", "x.b.test/**");
    check(&["a.test,b.test/a"], "GET http://b.test/a", "a.test,b.test/a");
    check(&["a.test/a"], "GET http://c.test/a", "404");
}

#[test]
fn a_host_that_does_not_serve_the_path_passes_on_to_the_next() {
    let rules = ["a.test/only", "*.test/wide", "/any"];
    check(&rules, "GET http://a.test/wide", "*.test/wide");
    check(&rules, "GET http://a.test/any", "/any");
}

#[test]
fn paths_go_from_narrow_to_wide() {
    let rules = ["/**", "/a/**", "/a/{x}/**", "/a/{x}", "/a/b", "/a/**/z", "/{x}/b"];
    check(&rules, "GET http://h/a/b", "/a/b");
    check(&rules, "GET http://h/a/c", "/a/{x}");
    check(&rules, "GET http://h/c/b", "/{x}/b");
    check(&rules, "GET http://h/a/c/d", "/a/{x}/**");
    check(&rules, "GET http://h/a/c/z", "/a/**/z");
    check(&rules, "GET http://h/a/", "/a/**");
    check(&rules, "GET http://h/", "/**");
    // The number of literals counts before their place; the place decides among equals.
    check(&["/{x}/b/c", "/a/{x}/{y}"], "GET http://h/a/b/c", "/{x}/b/c");
    check(&["/{x}/b", "/a/{x}"], "GET http://h/a/b", "/a/{x}");
    check(&["/a/**", "/a/**/{x}"], "GET http://h/a/b", "/a/**/{x}");
}

#[test]
fn verbs_come_before_what_is_wider() {
    let rules = ["/v1/{id}", "/v1/{id}:cancel", "/v1/5:cancel", "/v1/**:start"];
    check(&rules, "POST http://h/v1/5:cancel", "/v1/5:cancel");
    check(&rules, "POST http://h/v1/6:cancel", "/v1/{id}:cancel");
    check(&rules, "POST http://h/v1/6:stop", "/v1/{id}");
    check(&rules, "POST http://h/v1/6:start", "/v1/**:start");
    check(&rules, "POST http://h/v1/6%3Acancel", "/v1/{id}");
}

#[test]
fn conditions_decide_among_equal_paths_and_fall_through() {
    let rules = ["/a", "/a ?q=1", "/a x-h=1", "/a x-h=1 ?q=1", "GET /a", "/**"];
    check(&rules, "POST http://h/a", "/a");
    check(&rules, "POST http://h/a?q=1", "/a ?q=1");
    check(&rules, "POST http://h/a?q=1 x-h=1", "/a x-h=1 ?q=1");
    check(&rules, "POST http://h/a?q=2 x-h=1", "/a x-h=1");
    check(&rules, "GET http://h/a?q=1 x-h=1", "GET /a");
    check(&["/a x-h", "/**"], "GET http://h/a", "/**");
    check(&["/a !x-h", "/**"], "GET http://h/a x-h=1", "/**");
    check(&["/a x-h=2"], "GET http://h/a x-h=1 x-h=2", "/a x-h=2");
    check(&["/a x-h"], "GET http://h/a", "404");
}

#[test]
fn only_methods_amiss_is_405() {
    let rules = ["POST /a", "PUT,DELETE /a", "GET /a x-h", "GET /b"];
    check(&rules, "GET http://h/a", "405 POST,PUT,DELETE");
    check(&rules, "PUT http://h/a", "PUT,DELETE /a");
    check(&rules, "POST http://h/b", "405 GET,HEAD");
    check(&rules, "POST http://h/c", "404");
    check(&["GET /a", "/**"], "POST http://h/a", "/**");
    check(&["POST a.test/a", "PUT /a"], "GET http://a.test/a", "405 POST,PUT");
}

#[test]
fn get_serves_head() {
    check(&["GET /a"], "HEAD http://h/a", "GET /a");
    check(&["GET /a", "HEAD /a"], "HEAD http://h/a", "HEAD /a");
    check(&["GET /a", "HEAD /**"], "HEAD http://h/a", "GET /a");
    check(&["POST /a"], "HEAD http://h/a", "405 POST");
}

#[test]
fn a_rule_without_path_is_the_widest() {
    let rules = vec![MatchRule::default(), rule("/a")];
    let table = RouteTable::build(rules);
    for (request, expected) in [("GET http://h/a", 1), ("GET http://h/b/", 0)] {
        let head = Head::parse(request, &[]).unwrap();
        assert!(matches!(table.find(&head, &mut NoTrace), Found::Route { index, .. } if index == expected));
    }
}

#[test]
fn every_rule_is_explained() {
    let table = table(&["POST /a", "b.test/a", "/a", "/**", "/b", "/a x-h", "/a ?q"]);
    let head = Head::parse("GET http://a.test/a", &[]).unwrap();
    let fits: Vec<_> = table.explain(&head).into_iter().map(|(_, fit)| fit).collect();
    assert_eq!(
        fits,
        [
            Fit::Mismatch(Mismatch::Method),
            Fit::Mismatch(Mismatch::Host),
            Fit::Taken,
            Fit::Outranked { by: 2 },
            Fit::Mismatch(Mismatch::Path),
            Fit::Mismatch(Mismatch::Header(HeaderName::from_static("x-h"))),
            Fit::Mismatch(Mismatch::Query("q".to_owned())),
        ]
    );
}

#[test]
fn what_is_never_reached_is_named() {
    let check = |rules: &[&str], expected: &[(usize, &[usize])]| {
        let found = table(rules).unreachable();
        let found: Vec<_> = found.iter().map(|found| (found.route, &*found.covered_by)).collect();
        assert_eq!(found, expected, "{rules:?}");
    };
    check(&["/a", "/a"], &[(1, &[0])]);
    check(&["/a/{x}", "/a/{y}", "/a/*"], &[(1, &[0]), (2, &[0])]);
    check(&["/a/**", "/a/b"], &[]);
    check(&["/**", "/a"], &[]);
    check(&["GET /a", "/a"], &[]);
    check(&["/a", "GET /a"], &[]);
    check(&["GET,POST /a", "GET /a"], &[(1, &[0])]);
    check(&["GET /a", "POST /a", "POST,GET /a"], &[(2, &[0, 1])]);
    check(&["GET /a", "GET,POST /a"], &[]);
    check(&["GET /a", "HEAD /a"], &[]);
    check(&["/a", "/a x-h"], &[]);
    check(&["/a x-h=1 x-i", "/a x-i x-h=1"], &[(1, &[0])]);
    check(&["/a x-h=1", "/a x-h=2"], &[]);
    check(&["GET /a x-h", "POST,GET /a x-h"], &[]);
    check(&["a.test/a", "/a", "a.test/a"], &[(2, &[0])]);
    check(&["a.test/a", "b.test/a", "a.test,b.test/a"], &[(2, &[0, 1])]);
    check(&["a.test/a", "a.test,b.test/a"], &[]);
    check(&["a.test,a.test/a"], &[]);
    check(&["/v1/{x}:go", "/v1/{y}:go", "/v1/{y}:stop"], &[(1, &[0])]);
}
