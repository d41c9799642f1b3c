use super::*;
use crate::compile::tests::compiled;

/// A document with two listeners on one table, one service of an address and one of a name.
const BASE: &str = "
workers: 2
listeners:
  web: { address: :8080, routes: public, policies: [calm] }
  internal: { address: 'localhost:9000', routes: private }
routes:
  public:
    - { match: { path: /a }, handler: respond }
    - { match: { path: /b/** }, handler: proxy, service: app }
  private:
    - { match: { path: /** }, handler: proxy, service: named }
policies:
  calm: { timeout: 5s, headers: { response: { set: { x-a: b, x-c: d } } } }
services:
  app: { endpoints: ['10.0.0.1:80', '10.0.0.2:80'] }
  named: { endpoints: ['app.test:80'] }
";

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// Checks what putting the document with one text replaced by another in force changes.
#[track_caller]
fn check(text: &str, by: &str, expected: &Difference) {
    assert!(BASE.contains(text), "{text}");
    check_documents(BASE, &BASE.replacen(text, by, 1), expected);
}

#[track_caller]
fn check_documents(before: &str, after: &str, expected: &Difference) {
    let found = difference(&compiled(before).snapshot, &compiled(after).snapshot);
    assert_eq!(found, *expected, "{after}");
    assert_eq!(found.is_empty(), *expected == Difference::default());
}

#[test]
fn the_same_document_written_otherwise_changes_nothing() {
    let nothing = Difference::default();
    check("workers: 2", "workers: 2 # as many as the small machine has", &nothing);
    check("address: :8080, routes: public", "routes: public, address: ':8080'", &nothing);
    check("timeout: 5s", "timeout: 5000ms", &nothing);
    check(
        "match: { path: /a }, handler: respond",
        "handler: { respond: { status: 200 } }, match: { path: /a }",
        &nothing,
    );
    check(
        "endpoints: ['10.0.0.1:80'",
        "balance: p2c_ewma, endpoints: [{ address: '10.0.0.1:80', weight: 1 }",
        &nothing,
    );
    // The order of names says nothing.
    let reversed = "
services:
  named: { endpoints: ['app.test:80'] }
  app: { endpoints: ['10.0.0.1:80', '10.0.0.2:80'] }
policies:
  calm: { headers: { response: { set: { x-a: b, x-c: d } } }, timeout: 5s }
routes:
  private:
    - { match: { path: /** }, handler: proxy, service: named }
  public:
    - { match: { path: /a }, handler: respond }
    - { match: { path: /b/** }, handler: proxy, service: app }
listeners:
  internal: { address: 'localhost:9000', routes: private }
  web: { address: :8080, routes: public, policies: [calm] }
workers: 2
";
    check_documents(BASE, reversed, &nothing);
}

#[test]
fn what_is_no_part_of_the_data_plane_changes_nothing() {
    let check = |more: &str| check_documents(BASE, &format!("{BASE}{more}"), &Difference::default());
    check("admin: off\n");
    check("registry: { kind: memory, ttl: 30s }\n");
    check("telemetry: { log: debug }\n");
    check("tests: [{ request: 'GET http://h:8080/a', expect: { status: 200 } }]\n");
}

#[test]
fn a_listener_that_moves_is_opened_and_closed() {
    let moved = Difference { opened: names(&["web"]), closed: names(&["web"]), ..Difference::default() };
    check("address: :8080", "address: :8081", &moved);
    check("address: :8080", "address: '127.0.0.1:8080'", &moved);
    // Whatever else of it changes comes with it.
    check("address: :8080, routes: public", "address: :8081, routes: private", &moved);
    let renamed = Difference { opened: names(&["front"]), closed: names(&["web"]), ..Difference::default() };
    check("web: {", "front: {", &renamed);
    let gone = Difference { closed: names(&["internal"]), ..Difference::default() };
    check("  internal: { address: 'localhost:9000', routes: private }\n", "", &gone);
    let new = Difference { opened: names(&["third"]), ..Difference::default() };
    check("  internal:", "  third: { address: :7000, routes: public }\n  internal:", &new);
}

#[test]
fn only_the_listeners_that_a_change_reaches_are_changed() {
    let web = Difference { changed: names(&["web"]), ..Difference::default() };
    let internal = Difference { changed: names(&["internal"]), ..Difference::default() };
    check("path: /a", "path: /c", &web);
    check("handler: respond", "handler: { respond: { body: hello } }", &web);
    check("timeout: 5s", "timeout: 6s", &web);
    check("path: /**", "path: /c/**", &internal);
    check("routes: private", "routes: private, trusted_proxies: [10.0.0.0/8]", &internal);
    check("routes: private", "routes: private, limits: { streams: 5 }", &internal);
    check("routes: private", "routes: private, protocols: [h2]", &internal);
    check("workers: 2", "workers: 2\nrpc: { listeners: [internal] }", &internal);
    let both = Difference { changed: names(&["web", "internal"]), ..Difference::default() };
    check("routes: private", "routes: public", &internal);
    check("workers: 2", "workers: 2\nrpc: { listeners: [internal, web] }", &both);
}

#[test]
fn a_route_that_moves_changes_its_listener() {
    let moved = BASE.replace(
        "    - { match: { path: /a }, handler: respond }\n    - { match: { path: /b/** }, handler: proxy, service: app }\n",
        "    - { match: { path: /b/** }, handler: proxy, service: app }\n    - { match: { path: /a }, handler: respond }\n",
    );
    assert_ne!(moved, BASE);
    check_documents(BASE, &moved, &Difference { changed: names(&["web"]), ..Difference::default() });
    let elsewhere = BASE
        .replace("    - { match: { path: /a }, handler: respond }\n", "")
        .replace("  private:\n", "  private:\n    - { match: { path: /a }, handler: respond }\n");
    check_documents(BASE, &elsewhere, &Difference { changed: names(&["web", "internal"]), ..Difference::default() });
}

#[test]
fn clusters_that_differ_are_named() {
    let cluster = |name| Difference { clusters: names(&[name]), ..Difference::default() };
    check("'10.0.0.2:80'", "'10.0.0.3:80'", &cluster("app"));
    check("'10.0.0.2:80'", "{ address: '10.0.0.2:80', weight: 2 }", &cluster("app"));
    check("'10.0.0.2:80'] }", "'10.0.0.2:80'], balance: round_robin }", &cluster("app"));
    check("'10.0.0.2:80'] }", "'10.0.0.2:80'], pool: { idle: 5 } }", &cluster("app"));
    check("'10.0.0.2:80'] }", "'10.0.0.2:80'], connect_timeout: 1s }", &cluster("app"));
    check("'10.0.0.2:80'] }", "'10.0.0.2:80'], protocol: grpc }", &cluster("app"));
    check("app.test:80", "app.test:81", &cluster("named"));
    check("services:", "services:\n  third: { endpoints: ['10.0.0.9:80'] }", &cluster("third"));
    let renamed = BASE.replace("service: named", "service: other").replace("  named:", "  other:");
    let expected =
        Difference { changed: names(&["internal"]), clusters: names(&["named", "other"]), ..Difference::default() };
    check_documents(BASE, &renamed, &expected);
}

#[test]
fn workers_and_logging_are_changes_of_their_own() {
    check("workers: 2", "workers: 3", &Difference { workers: Some(3), ..Difference::default() });
    let telemetry = Difference { telemetry: true, ..Difference::default() };
    check("workers: 2", "workers: 2\ntelemetry: { access_log: json }", &telemetry);
    check("workers: 2", "workers: 2\ntelemetry: { access_log: { path: access.log } }", &telemetry);
    check("workers: 2", "workers: 2\ntelemetry: { request_id: { to_client: true } }", &telemetry);
}

#[test]
fn the_first_configuration_opens_everything() {
    let first = difference(&Snapshot::empty(), &compiled(BASE).snapshot);
    assert_eq!((first.opened, first.closed), (names(&["web", "internal"]), Vec::new()));
    assert_eq!((first.clusters, first.workers), (names(&["app", "named"]), Some(2)));
    let last = difference(&compiled(BASE).snapshot, &Snapshot::empty());
    assert_eq!((last.opened, last.closed), (Vec::new(), names(&["web", "internal"])));
}
