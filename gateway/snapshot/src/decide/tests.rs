use std::sync::Arc;

use config_schema::Preset;
use gateway_upstream::{Cluster, ServicesTable, Source};

use super::*;
use crate::Snapshot;
use crate::compile::tests::{compiled, listener, preset};

/// Returns the table of clusters that a gateway with this document has while these services are registered.
pub(crate) fn table(snapshot: &Snapshot, registered: &[&str]) -> Arc<Services> {
    let mut table = ServicesTable::default();
    table.replace(Source::Static, snapshot.clusters.iter().map(|source| source.cluster.clone()).collect());
    for name in registered {
        table.upsert(Cluster::new(Source::Registry, *name, Vec::new()));
    }
    table.snapshot()
}

/// Writes what a request to the listener `web` leads to: `ROUTE: HANDLER SERVICE METHOD`, or `ROUTE: STATUS CAUSE`,
/// with `-` for no route.
fn outcome(snapshot: &Snapshot, registered: &[&str], request: &str, headers: &[(&str, &str)]) -> String {
    let head = Head::parse(request, headers).unwrap();
    let services = table(snapshot, registered);
    let decision = decide(listener(snapshot, "web"), &*services, &head, &mut NoTrace);
    let route = decision.route.map_or("-", |(_, route)| route.id.as_str());
    let what = match &decision.action {
        Ok(Action::Respond(respond)) => format!("respond {}", respond.status.as_u16()),
        Ok(Action::Redirect(redirect)) => format!("redirect {}", redirect.status.as_u16()),
        Ok(Action::Proxy { service, .. }) => format!("proxy {service}"),
        Ok(Action::Rpc { service, method, .. }) => format!("rpc {service} {method}"),
        Ok(Action::RpcEndpoint(_)) => "rpc endpoint".to_owned(),
        Ok(Action::Event { name, .. }) => format!("event {} {}", name.topic(), name.name()),
        Err(error) => format!("{} {}", error.status().as_u16(), error.cause()),
    };
    format!("{route}: {what}")
}

const ROUTES: &str = "
listeners: { web: { address: :8080, routes: all } }
routes:
  all:
    - { name: exact-host, match: { host: a.test, path: /** }, handler: respond }
    - { name: long-wildcard, match: { host: '*.b.test', path: /** }, handler: respond }
    - { name: short-wildcard, match: { host: '*.test', path: /** }, handler: respond }
    - { name: literal, match: { path: /users/me }, handler: respond }
    - { name: variable, match: { path: '/users/{id}' }, handler: respond }
    - { name: rest, match: { path: /users/** }, handler: respond }
    - { name: gold, match: { path: /tier, headers: { x-tier: gold } }, handler: respond }
    - { name: second-page, match: { path: /tier, query: { page: '2' } }, handler: respond }
    - { name: no-tier, match: { path: /tier, headers: { x-tier: { present: false } } }, handler: respond }
    - { name: get, match: { path: /items, method: GET }, handler: respond }
    - { name: post, match: { path: /items, method: [POST, PUT] }, handler: { respond: { status: 201 } } }
    - { name: old, match: { path: /old }, handler: { redirect: { to: /users, status: 301 } } }
    - { name: app, match: { path: /app/** }, handler: proxy, service: app }
    - { name: gone, match: { path: /gone }, handler: proxy, service: nobody }
    - { name: call, match: { path: /call/** }, handler: rpc, service: caller }
    - { name: happened, match: { path: /happened/** }, handler: event, namespace: com.example }
services: { app: { endpoints: ['10.0.0.1:80'] } }
";

#[test]
fn the_most_specific_route_takes_a_request() {
    let snapshot = compiled(ROUTES).snapshot;
    let check = |request: &str, headers: &[(&str, &str)], expected: &str| {
        assert_eq!(outcome(&snapshot, &[], request, headers), expected, "{request} {headers:?}");
    };
    // Hosts: exact, the longer wildcard, any.
    check("GET http://a.test/users/me", &[], "exact-host: respond 200");
    check("GET http://A.Test:8080/", &[], "exact-host: respond 200");
    check("GET http://x.b.test/", &[], "long-wildcard: respond 200");
    check("GET http://b.test/", &[], "short-wildcard: respond 200");
    check("GET http://x.y.c.test/", &[], "short-wildcard: respond 200");
    check("GET http://h/users/me", &[("host", "a.test")], "exact-host: respond 200");
    // Paths: literal, variable, the rest.
    check("GET http://h/users/me", &[], "literal: respond 200");
    check("GET http://h//users/x/../me", &[], "literal: respond 200");
    check("GET http://h/users/7", &[], "variable: respond 200");
    check("GET http://h/users/", &[], "rest: respond 200");
    check("GET http://h/users", &[], "rest: respond 200");
    check("GET http://h/users/7/posts", &[], "rest: respond 200");
    check("GET http://h/", &[], "-: 404 no_route");
    // Conditions: one that fails lets the next route try.
    check("GET http://h/tier", &[("x-tier", "gold")], "gold: respond 200");
    check("GET http://h/tier?page=2", &[("x-tier", "gold")], "gold: respond 200");
    check("GET http://h/tier?page=2", &[("x-tier", "iron")], "second-page: respond 200");
    check("GET http://h/tier?page=3", &[("x-tier", "iron")], "-: 404 no_route");
    check("GET http://h/tier", &[], "no-tier: respond 200");
    // Methods.
    check("GET http://h/items", &[], "get: respond 200");
    check("HEAD http://h/items", &[], "get: respond 200");
    check("PUT http://h/items", &[], "post: respond 201");
    check("DELETE http://h/items", &[], "-: 405 method_not_allowed");
}

#[test]
fn each_handler_is_handed_what_it_needs() {
    let snapshot = compiled(ROUTES).snapshot;
    let check = |registered: &[&str], request: &str, expected: &str| {
        assert_eq!(outcome(&snapshot, registered, request, &[]), expected, "{request} {registered:?}");
    };
    check(&[], "GET http://h/old", "old: redirect 301");
    check(&[], "GET http://h/app/x", "app: proxy app");
    check(&[], "GET http://h/gone", "gone: 404 no_service");
    check(&["nobody"], "GET http://h/gone", "gone: proxy nobody");
    check(&[], "POST http://h/call/say/hello", "call: 404 no_service");
    check(&["caller"], "POST http://h/call/say/hello", "call: rpc caller Say.Hello");
    check(&[], "POST http://h/happened/now", "happened: event com.example.happened now");
}

#[test]
fn methods_that_would_match_are_listed() {
    let snapshot = compiled(ROUTES).snapshot;
    let head = Head::parse("DELETE http://h/items", &[]).unwrap();
    let services = table(&snapshot, &[]);
    let decision = decide(listener(&snapshot, "web"), &*services, &head, &mut NoTrace);
    let error = decision.action.unwrap_err();
    let allow: Vec<_> = error.allow().iter().map(Method::as_str).collect();
    assert_eq!(allow, ["GET", "HEAD", "POST", "PUT"]);
}

#[test]
fn what_is_missing_is_named() {
    let snapshot = compiled(ROUTES).snapshot;
    let check = |request: &str, expected: &str| {
        let head = Head::parse(request, &[]).unwrap();
        let services = table(&snapshot, &[]);
        let decision = decide(listener(&snapshot, "web"), &*services, &head, &mut NoTrace);
        assert_eq!(decision.action.unwrap_err().detail(), expected, "{request}");
    };
    check("GET http://h/", "no route matches");
    check("DELETE http://h/items", "method not allowed");
    check("GET http://h/gone", "service nobody not found");
}

/// Writes down what the resolver proposed.
#[derive(Default)]
struct Candidates(Vec<String>);

impl Trace for Candidates {
    fn candidate(&mut self, service: &str, method: &str, known: Known) {
        let known = if known == Known::Unknown { "unknown" } else { "known" };
        self.0.push(format!("{service} {method} {known}"));
    }
}

const CALLS: &str = "
listeners: { web: { address: :8080, routes: all } }
routes:
  all:
    - { name: own, match: { host: own.test, path: /** }, handler: rpc, namespace: com.example }
    - { name: typed, match: { host: typed.test, path: /** }, handler: rpc, namespace: com.example, type: srv }
    - { name: blank, match: { host: blank.test, path: /** }, handler: rpc, namespace: ' ' }
    - { name: fixed, match: { host: fixed.test, path: /** }, handler: rpc, service: caller }
    - { name: default, match: { path: /** } }
";

/// Checks the decision, and what was looked up on the way to it: nothing after the first that is known.
#[track_caller]
fn check_candidates(registered: &[&str], request: &str, expected: &str, looked_up: &[&str]) {
    let snapshot = compiled(CALLS).snapshot;
    assert_eq!(outcome(&snapshot, registered, request, &[]), expected, "{request} {registered:?}");
    let mut candidates = Candidates::default();
    let head = Head::parse(request, &[]).unwrap();
    drop(decide(listener(&snapshot, "web"), &*table(&snapshot, registered), &head, &mut candidates));
    assert_eq!(candidates.0, looked_up, "{request} {registered:?}");
}

/// Line 45 of spec/gateway 12 and design 4: pairs of service and method, in order, the first registered one wins.
#[test]
fn the_first_registered_candidate_wins() {
    let check = check_candidates;
    check(
        &["go.micro.api.v1.foo", "go.micro.api.v1"],
        "GET http://h/v1/foo",
        "default: rpc go.micro.api.v1.foo Foo.Call",
        &["go.micro.api.v1.foo Foo.Call known"],
    );
    check(
        &["go.micro.api.v1"],
        "GET http://h/v1/foo",
        "default: rpc go.micro.api.v1 V1.Foo",
        &["go.micro.api.v1.foo Foo.Call unknown", "go.micro.api.v1 V1.Foo known"],
    );
    check(
        &[],
        "GET http://h/v1/foo",
        "default: 404 no_service",
        &["go.micro.api.v1.foo Foo.Call unknown", "go.micro.api.v1 V1.Foo unknown"],
    );
    check(
        &["com.example.foo", "com.example.v1"],
        "GET http://own.test/v1/foo",
        "own: rpc com.example.v1 V1.Foo",
        &[
            "com.example.api.v1.foo Foo.Call unknown",
            "com.example.v1.foo Foo.Call unknown",
            "com.example.api.v1 V1.Foo unknown",
            "com.example.v1 V1.Foo known",
        ],
    );
    check(
        &["com.example.foo"],
        "GET http://own.test/foo/bar",
        "own: rpc com.example.foo Foo.Bar",
        &["com.example.api.foo Foo.Bar unknown", "com.example.foo Foo.Bar known"],
    );
}

#[test]
fn names_follow_namespace_and_type() {
    let check = check_candidates;
    check(
        &["com.example.foo"],
        "GET http://typed.test/foo/bar",
        "typed: 404 no_service",
        &["com.example.srv.foo Foo.Bar unknown"],
    );
    check(&["foo"], "GET http://blank.test/foo/bar", "blank: rpc foo Foo.Bar", &["foo Foo.Bar known"]);
    check(
        &["caller", "go.micro.api.foo"],
        "GET http://fixed.test/foo/bar",
        "fixed: rpc caller Foo.Bar",
        &["caller Foo.Bar known"],
    );
    check(&["go.micro.api."], "GET http://h/", "default: 404 no_service", &[]);
}

/// The proxy column of spec/gateway 4.7: the service alone, out of the first segment.
#[test]
fn a_proxy_without_a_service_takes_it_from_the_path() {
    let document = "
listeners: { web: { address: :8080, routes: all } }
routes:
  all:
    - { name: own, match: { host: own.test, path: /** }, handler: proxy, namespace: com.example }
    - { name: default, match: { path: /** }, handler: proxy }
";
    let snapshot = compiled(document).snapshot;
    let check = |registered: &[&str], request: &str, expected: &str| {
        assert_eq!(outcome(&snapshot, registered, request, &[]), expected, "{request} {registered:?}");
    };
    check(&["go.micro.api.foo"], "GET http://h/foo/bar", "default: proxy go.micro.api.foo");
    check(&["go.micro.api.v1.foo", "go.micro.api.v1"], "GET http://h/v1/foo/x", "default: proxy go.micro.api.v1.foo");
    check(&["go.micro.api.v1"], "GET http://h/v1/foo/x", "default: 404 no_service");
    check(&["com.example.foo"], "GET http://own.test/foo", "own: proxy com.example.foo");
    check(&["com.example.api.foo", "com.example.foo"], "GET http://own.test/foo", "own: proxy com.example.api.foo");
    check(&["go.micro.api."], "GET http://h/", "default: 404 no_service");
    check(&["go.micro.api.foo_bar"], "GET http://h/foo_bar", "default: 404 no_service");
    // An internal method is none here: a proxied service sees its own paths (K45 is for calls).
    check(&["go.micro.api.foo"], "GET http://h/foo/debug/health", "default: proxy go.micro.api.foo");
}

/// D22 of spec/gateway 9.2: refused before anything is looked up, so that nobody learns who is registered.
#[test]
fn internal_methods_are_refused_whoever_serves_them() {
    let check = |registered, request| check_candidates(registered, request, "default: 403 forbidden", &[]);
    check(&["go.micro.api.foo"], "GET http://h/foo/debug/health");
    check(&[], "GET http://h/foo/debug/health");
    check(&["go.micro.api.foo"], "GET http://h/foo/DEBUG/stats");
    check(&["go.micro.api.foo"], "GET http://h/foo/%64ebug/stats");
    check(&["go.micro.api.v1.foo"], "GET http://h/v1/foo/debug/trace");
    check_candidates(&["caller"], "GET http://fixed.test/foo/debug/health", "fixed: 403 forbidden", &[]);
}

/// Design 7: what a registry says cannot take a static service's place.
#[test]
fn a_static_service_hides_a_registered_one() {
    let snapshot = compiled(ROUTES).snapshot;
    let services = table(&snapshot, &["app"]);
    let head = Head::parse("GET http://h/app/x", &[]).unwrap();
    let decision = decide(listener(&snapshot, "web"), &*services, &head, &mut NoTrace);
    let Ok(Action::Proxy { known: Known::Cluster(slot), .. }) = decision.action else { panic!("{decision:?}") };
    assert_eq!(services.cluster(slot).unwrap().id.source, Source::Static);
}

/// Spec/gateway 3.7: `/` and `/favicon.ico` are exact; `/rpc` is an ordinary path where it is not asked for.
#[test]
fn the_fixed_paths_of_micro_api_answer_themselves() {
    let check = |command: Preset, registered: &[&str], request: &str, expected: &str| {
        let snapshot = preset(command);
        let head = Head::parse(request, &[]).unwrap();
        let services = table(&snapshot, registered);
        let decision = decide(listener(&snapshot, "api"), &*services, &head, &mut NoTrace);
        let route = decision.route.map(|(_, route)| route.id.as_str());
        let service = decision.action.as_ref().map(|action| action.service().unwrap_or("-"));
        let service = service.map_err(|error| error.cause().name());
        let text = format!("{} {}", route.unwrap_or("-"), service.unwrap_or_else(|cause| cause));
        assert_eq!(text, expected, "{command:?} {request}");
    };
    for request in ["GET http://h/", "POST http://h/", "HEAD http://h/?x=1", "GET http://h//"] {
        check(Preset::Api, &["go.micro.api."], request, "version -");
    }
    check(Preset::Api, &[], "GET http://h/favicon.ico", "favicon -");
    check(Preset::Api, &["go.micro.api.favicon.ico"], "GET http://h/favicon.ico/", "api go.micro.api.favicon.ico");
    check(Preset::Api, &["go.micro.api.rpc"], "POST http://h/rpc", "api go.micro.api.rpc");
    check(Preset::Api, &[], "POST http://h/rpc", "api no_service");
    check(Preset::Demo, &["go.micro.api.rpc"], "POST http://h/rpc", "/rpc -");
    check(Preset::Demo, &["go.micro.api.rpc"], "POST http://h/rpc/", "api go.micro.api.rpc");
}

#[test]
fn the_rpc_endpoint_is_mounted_on_the_listeners_that_are_named() {
    let document = "
listeners:
  web: { address: :8080, routes: all }
  internal: { address: 'localhost:9000', routes: all }
routes: { all: [{ name: all, match: { path: /** }, handler: respond }] }
rpc: { listeners: [internal] }
";
    let snapshot = compiled(document).snapshot;
    let head = Head::parse("POST http://h/rpc", &[]).unwrap();
    let services = table(&snapshot, &[]);
    let check = |name: &str, expected: &str| {
        let decision = decide(listener(&snapshot, name), &*services, &head, &mut NoTrace);
        assert_eq!(decision.route.unwrap().1.id.as_str(), expected, "{name}");
    };
    check("web", "all");
    check("internal", "/rpc");
}

#[test]
fn where_no_route_matches_the_listeners_own_policies_apply() {
    let document = "
listeners: { web: { address: :8080, routes: all, policies: [outer] } }
routes: { all: [{ match: { path: /a }, handler: respond, policies: [inner] }] }
policies: { outer: { timeout: 9s }, inner: { timeout: 3s } }
";
    let snapshot = compiled(document).snapshot;
    let check = |request: &str, seconds: u64| {
        let head = Head::parse(request, &[]).unwrap();
        let services = table(&snapshot, &[]);
        let decision = decide(listener(&snapshot, "web"), &*services, &head, &mut NoTrace);
        let total = decision.policies().timeout.unwrap().total();
        assert_eq!(total, std::time::Duration::from_secs(seconds), "{request}");
    };
    check("GET http://h/a", 3);
    check("GET http://h/b", 9);
}

/// Spec/gateway 6.3: 408 with the id of the client for a call, 504 for a proxied request.
#[test]
fn a_deadline_is_named_after_what_was_called() {
    let snapshot = compiled(ROUTES).snapshot;
    let check = |request: &str, status: u16, id: Option<&str>| {
        let head = Head::parse(request, &[]).unwrap();
        let services = table(&snapshot, &["caller"]);
        let decision = decide(listener(&snapshot, "web"), &*services, &head, &mut NoTrace);
        let error = decision.action.unwrap().deadline_error();
        assert_eq!((error.status().as_u16(), error.id()), (status, id), "{request}");
        assert_eq!(error.cause(), Cause::DeadlineExceeded);
    };
    check("POST http://h/call/say/hello", 408, Some("go.micro.client"));
    check("GET http://h/app/x", 504, None);
}

/// Routes are told in the order in which they are tried, up to the one that is taken.
#[test]
fn each_route_that_is_tried_is_told() {
    #[derive(Default)]
    struct Tried(Vec<(usize, bool)>);
    impl Trace for Tried {
        fn route(&mut self, index: usize, result: Result<(), &Mismatch>) {
            self.0.push((index, result.is_ok()));
        }
    }
    let snapshot = compiled(ROUTES).snapshot;
    let mut tried = Tried::default();
    let head = Head::parse("GET http://h/tier?page=2", &[("x-tier", "iron")]).unwrap();
    drop(decide(listener(&snapshot, "web"), &*table(&snapshot, &[]), &head, &mut tried));
    assert_eq!(tried.0, [(6, false), (8, false), (7, true)]);
}
