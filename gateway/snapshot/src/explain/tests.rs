use config_schema::Preset;
use http::header::CONTENT_TYPE;
use policies::PolicyKind;

use super::*;
use crate::NoTrace;
use crate::compile::tests::{compiled, listener, preset};
use crate::decide::tests::table;

const DOCUMENT: &str = "
listeners: { web: { address: :8080, routes: all, policies: [calm] } }
routes:
  all:
    - { name: home, match: { path: / }, handler: respond }
    - { name: old, match: { path: /old/** }, handler: { redirect: { to: /, status: 308 } } }
    - { name: app, match: { path: /app/** }, handler: proxy, service: app }
    - { name: plain, match: { path: /plain/** }, handler: proxy, service: registered }
    - { name: gold, match: { path: /call/**, headers: { x-tier: gold } }, handler: rpc, service: caller, policies: [quick] }
    - { name: post, match: { path: /post, method: POST }, handler: respond }
    - { name: own, match: { host: own.test, path: /** }, namespace: com.example }
    - { name: all, match: { path: /** } }
policies:
  calm: { timeout: 9s, retry: 2, headers: { response: { set: { x-a: b } } } }
  quick: { timeout: 1s, limits: { body: 1KiB }, cors: { origins: ['https://a.test'] } }
services: { app: { endpoints: ['10.0.0.1:80'] } }
rpc: { listeners: [web] }
";

fn explanation(request: &str, headers: &[(&str, &str)], given: &Given) -> Explanation {
    let snapshot = compiled(DOCUMENT).snapshot;
    explain(&snapshot, listener(&snapshot, "web"), given, &Head::parse(request, headers).unwrap())
}

fn names(names: &[&str]) -> Given {
    Given::Names(names.iter().map(|name| (*name).to_owned()).collect())
}

/// What traffic gets is what `explain` says, with the same services registered.
#[test]
fn an_explanation_is_what_traffic_gets() {
    let snapshot = compiled(DOCUMENT).snapshot;
    let web = listener(&snapshot, "web");
    let requests = [
        "GET http://h/",
        "GET http://h/old/x",
        "GET http://h/app/x",
        "GET http://h/plain/x",
        "POST http://h/call/say/hello",
        "DELETE http://h/post",
        "POST http://h/post",
        "POST http://h/rpc",
        "GET http://h/rpc/",
        "GET http://h/v1/foo",
        "GET http://h/foo/debug/health",
        "GET http://own.test/foo/bar",
        "GET http://own.test/v1/foo/bar",
        "GET http://h/foo%2Fbar",
    ];
    let sets: [&[&str]; 5] = [
        &[],
        &["registered", "caller"],
        &["go.micro.api.v1.foo", "go.micro.api.foo", "com.example.foo"],
        &["go.micro.api.v1", "com.example.v1.foo"],
        &["app", "go.micro.api.rpc", "go.micro.api.call", "go.micro.api.post"],
    ];
    let mut outcomes = std::collections::BTreeSet::new();
    for (request, registered) in requests.iter().flat_map(|request| sets.map(|set| (request, set))) {
        for headers in [&[][..], &[("x-tier", "gold")]] {
            let head = Head::parse(request, headers).unwrap();
            let explained = explain(&snapshot, web, &names(registered), &head);
            let services = table(&snapshot, registered);
            let decision = decide(web, &*services, &head, &mut NoTrace);
            let (route, action) = (decision.route.map(|(_, route)| route), &decision.action);
            assert_eq!(explained.route.as_deref(), route.map(|route| route.id.as_str()), "{request} {registered:?}");
            assert_eq!(explained.handler, route.map(|route| route.handler.name()), "{request}");
            let service = action.as_ref().ok().and_then(Action::service);
            assert_eq!(explained.service.as_deref(), service, "{request} {registered:?}");
            assert_eq!(explained.cause, action.as_ref().err().map(|error| error.cause().name()), "{request}");
            let status = action.as_ref().err().map(|error| error.status().as_u16());
            assert!(status.is_none() || status == explained.status, "{request}");
            let kinds: Vec<_> = explained.policies.iter().map(|policy| policy.policy).collect();
            assert!(decision.policies().kinds().map(PolicyKind::name).eq(kinds), "{request}");
            outcomes.insert(format!("{:?} {:?} {:?}", explained.route, explained.service, explained.status));
        }
    }
    assert!(outcomes.len() >= 20, "the requests tell cases apart: {outcomes:?}");
}

#[test]
fn every_name_is_registered_unless_names_are_given() {
    let check = |request: &str, given: &Given, service: Option<&str>, all_registered: bool| {
        let explained = explanation(request, &[], given);
        assert_eq!(explained.service.as_deref(), service, "{request} {given:?}");
        assert_eq!(explained.all_registered, all_registered);
    };
    check("GET http://h/v1/foo", &Given::All, Some("go.micro.api.v1.foo"), true);
    check("GET http://h/v1/foo", &names(&["go.micro.api.v1"]), Some("go.micro.api.v1"), false);
    check("GET http://h/v1/foo", &names(&[]), None, false);
    // The document's own services are there in any case.
    check("GET http://h/app/x", &names(&[]), Some("app"), false);
    check("GET http://h/plain/x", &names(&[]), None, false);
    check("GET http://h/plain/x", &names(&["registered"]), Some("registered"), false);
}

#[test]
fn each_route_says_why_it_was_not_taken() {
    let explained = explanation("GET http://own.test/call/x?y=1", &[], &Given::All);
    let outcomes: Vec<_> =
        explained.considered.iter().map(|route| format!("{}: {}", route.route, route.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            "home: the path does not match",
            "old: the path does not match",
            "app: the path does not match",
            "plain: the path does not match",
            "gold: the header x-tier is missing or has another value",
            "post: the path does not match",
            "own: taken",
            "all: matches too, but own is more specific",
            "/rpc: the path does not match",
        ]
    );
    assert_eq!(explained.considered[4].condition, "/call/** [x-tier = \"gold\"]");
}

#[test]
fn what_the_resolver_proposed_is_listed_in_order() {
    let explained = explanation("GET http://own.test/v1/foo", &[], &names(&["com.example.v1"]));
    let proposed: Vec<_> = explained
        .candidates
        .iter()
        .map(|proposed| format!("{} {} {}", proposed.service, proposed.method, proposed.registered))
        .collect();
    assert_eq!(
        proposed,
        [
            "com.example.api.v1.foo Foo.Call false",
            "com.example.v1.foo Foo.Call false",
            "com.example.api.v1 V1.Foo false",
            "com.example.v1 V1.Foo true",
        ]
    );
    assert_eq!(explained.method.as_deref(), Some("V1.Foo"));
}

#[test]
fn policies_are_listed_in_the_order_in_which_they_run() {
    let check = |request: &str, headers: &[(&str, &str)], expected: &[&str]| {
        let explained = explanation(request, headers, &Given::All);
        let policies: Vec<_> =
            explained.policies.iter().map(|policy| format!("{} {}", policy.policy, policy.merging)).collect();
        assert_eq!(policies, expected, "{request}");
    };
    check("GET http://h/", &[], &["timeout guard", "headers shaper", "retry shaper"]);
    check(
        "POST http://h/call/x",
        &[("x-tier", "gold")],
        &["timeout guard", "limits guard", "cors shaper", "headers shaper", "retry shaper"],
    );
    check("POST http://h/rpc", &[], &["timeout guard"]);
}

#[test]
fn an_answer_of_the_gateway_itself_has_a_status() {
    let check = |request: &str, status: Option<u16>, cause: Option<&str>| {
        let explained = explanation(request, &[], &names(&[]));
        assert_eq!((explained.status, explained.cause), (status, cause), "{request}");
        assert_eq!(explained.detail.is_some(), cause.is_some(), "{request}");
    };
    check("GET http://h/", Some(200), None);
    check("GET http://h/old/x", Some(308), None);
    check("GET http://h/app/x", None, None);
    check("GET http://h/foo/bar", Some(404), Some("no_service"));
    check("GET http://h/foo/debug/health", Some(403), Some("forbidden"));
}

#[test]
fn the_canonical_request_is_shown() {
    let explained =
        explanation("GET http://H.Test.:8080//a/./b?x=1", &[(CONTENT_TYPE.as_str(), "text/plain")], &Given::All);
    assert_eq!((explained.request.as_str(), explained.host.as_str()), ("GET /a/b", "h.test"));
    assert_eq!(explained.listener, "web");
}

/// What `--output json` prints: its members are a promise.
#[test]
fn the_members_of_an_explanation_stay() {
    let snapshot = preset(Preset::Api);
    let head = Head::parse("GET http://localhost:8080/greeter/say/hello", &[]).unwrap();
    let explained = explain(&snapshot, listener(&snapshot, "api"), &Given::All, &head);
    let json = serde_json::to_value(&explained).unwrap();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "all_registered",
        "candidates",
        "cause",
        "considered",
        "detail",
        "handler",
        "host",
        "listener",
        "method",
        "policies",
        "request",
        "route",
        "service",
        "status",
    ];
    let sorted = std::collections::BTreeSet::from_iter(members);
    assert_eq!(sorted.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(json["service"], "go.micro.api.greeter");
    assert_eq!(json["method"], "Say.Hello");
    assert_eq!((&json["route"], &json["handler"]), (&"api".into(), &"meta".into()));
}
