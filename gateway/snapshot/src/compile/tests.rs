use std::time::Duration;

use config_schema::{Layers, Preset, load};
use gateway_handler::{HostSent, Piece, UpgradeAllowed};
use http::header::CONTENT_TYPE;
use policies::{Limits, Policies};

use super::*;
use crate::{Handler, Listener, Route};

/// Compiles the text of a document that must be sound.
pub(crate) fn compiled(text: &str) -> Compiled {
    compiled_layers(&Layers::text("gateway.yaml", format!("version: micro/v1\n{text}")))
}

fn compiled_layers(layers: &Layers) -> Compiled {
    let loaded = load(layers).unwrap_or_else(|report| panic!("{report}"));
    compile(Arc::new(loaded)).unwrap_or_else(|report| panic!("{report}"))
}

/// Compiles the document of a command.
pub(crate) fn preset(preset: Preset) -> Snapshot {
    compiled_layers(&Layers::preset(preset)).snapshot
}

/// Returns the listener of a name.
pub(crate) fn listener<'s>(snapshot: &'s Snapshot, name: &str) -> &'s Listener {
    &snapshot.listeners[name]
}

/// Compiles one route, the rest of whose document is `more`.
fn route(text: &str, more: &str) -> Route {
    let document =
        format!("listeners: {{ web: {{ address: :8080, routes: all }} }}\nroutes:\n  all:\n    - {text}\n{more}");
    listener(&compiled(&document).snapshot, "web").routes[0].clone()
}

#[test]
fn a_route_is_called_by_its_name_or_its_match() {
    let check = |text: &str, expected: &str| assert_eq!(route(text, "").id.as_str(), expected, "{text}");
    check("{ name: greet, match: { path: /a }, handler: respond }", "greet");
    check("{ match: { path: /a/** }, handler: respond }", "/a/**");
    check("{ match: { host: [a.test, '*.b.test'] }, handler: respond }", "a.test,*.b.test/**");
    check("{ match: { path: /a, method: [GET, POST] }, handler: respond }", "GET,POST /a");
    check(
        "{ match: { path: /a, headers: { X-Tier: gold, x-id: { present: false } }, query: { v: { regex: '^[12]$' } } }, handler: respond }",
        "/a [x-tier = \"gold\"] [x-id absent] [?v ~ \"^[12]$\"]",
    );
}

#[test]
fn proxies_are_compiled_with_all_their_keys() {
    let more = "services: { app: { endpoints: ['10.0.0.1:80'] } }";
    let check = |keys: &str, expected: gateway_handler::Proxy| {
        let route = route(&format!("{{ match: {{ path: /** }}, handler: {keys}, service: app }}"), more);
        assert_eq!(route.handler, Handler::Proxy(expected), "{keys}");
        assert_eq!(route.service.as_deref(), Some("app"));
    };
    let default = gateway_handler::Proxy::default;
    check("proxy", default());
    check("http", default());
    check(
        "{ proxy: { strip_prefix: /api/ } }",
        gateway_handler::Proxy { strip_prefix: Some("/api".into()), ..default() },
    );
    check("{ proxy: { host: upstream } }", gateway_handler::Proxy { host: HostSent::Upstream, ..default() });
    let set = HostSent::Set("app.test:81".parse().unwrap());
    check("{ proxy: { host: 'app.test:81' } }", gateway_handler::Proxy { host: set, ..default() });
    check("{ proxy: { upgrade: true } }", gateway_handler::Proxy { upgrade: UpgradeAllowed::All, ..default() });
    let only = UpgradeAllowed::Only(vec!["websocket".into()]);
    check("{ proxy: { upgrade: [WebSocket] } }", gateway_handler::Proxy { upgrade: only, ..default() });
    check(
        "{ proxy: { allow_encoded_slash: true } }",
        gateway_handler::Proxy { allow_encoded_slash: true, ..default() },
    );
}

#[test]
fn fixed_answers_and_redirects_are_made_beforehand() {
    let Handler::Respond(respond) =
        route("{ match: { path: / }, handler: { respond: { status: 503, headers: { X-A: b }, body: down } } }", "")
            .handler
    else {
        panic!("it responds")
    };
    assert_eq!((respond.status.as_u16(), &*respond.body), (503, &b"down"[..]));
    let headers: Vec<_> =
        respond.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("x-a", "b"), ("content-type", "text/plain; charset=utf-8")]);

    let typed =
        route("{ match: { path: / }, handler: { respond: { body: '{}', content_type: application/json } } }", "");
    let Handler::Respond(respond) = typed.handler else { panic!("it responds") };
    assert_eq!(respond.headers, [(CONTENT_TYPE, "application/json".parse().unwrap())]);

    let away =
        route("{ match: { path: / }, handler: { redirect: { to: 'https://{host}{path}{query}', status: 308 } } }", "");
    let Handler::Redirect(redirect) = away.handler else { panic!("it redirects") };
    assert_eq!(redirect.to, [Piece::Text("https://".to_owned()), Piece::Host, Piece::Path, Piece::Query]);
    assert_eq!(redirect.status.as_u16(), 308);
}

#[test]
fn services_are_told_the_namespace_and_who_calls() {
    let check = |keys: &str, namespace: &str, from: &str| {
        let route = route(&format!("{{ match: {{ path: /** }}, handler: rpc{keys} }}"), "");
        let Handler::Rpc(rpc) = route.handler else { panic!("it calls") };
        assert_eq!((rpc.namespace.to_str().unwrap(), rpc.from_service.to_str().unwrap()), (namespace, from), "{keys}");
    };
    check("", "go.micro", "go.micro.api");
    check(", namespace: com.example", "com.example", "com.example.api");
    check(", namespace: go.micro, type: srv", "go.micro", "go.micro.srv");
    check(", namespace: ' '", "go.micro", "");
}

const LEVELS: &str = "
listeners: { web: { address: :8080, routes: all, policies: [outer, middle] } }
routes:
  all:
    - { match: { path: /plain }, handler: respond }
    - { match: { path: /own }, handler: respond, policies: [first, last] }
policies:
  outer: { timeout: 30s, limits: { body: 1KiB }, retry: 5, headers: { response: { set: { x-a: outer } } } }
  middle: { timeout: 20s, retry: 4, cors: { origins: ['https://middle.test'] } }
  first: { timeout: 40s, limits: { body: 2KiB }, retry: 3 }
  last: { timeout: 10s, retry: 0, headers: { request: { remove: [x-b] } } }
";

/// The levels, outermost first: the sets of the listener in the order in which it names them, then those of the route.
/// The lines about shapers fail when two of them change places.
#[test]
fn policies_are_merged_from_the_outside_in() {
    let snapshot = compiled(LEVELS).snapshot;
    let web = listener(&snapshot, "web");
    let [plain, own] = [0, 1].map(|index| &web.routes[index].policies);
    let total = |policies: &Policies| policies.timeout.map(policies::Timeout::total);

    assert_eq!(*plain, web.policies, "a route without sets has those of its listener");
    assert_eq!(total(plain), Some(Duration::from_secs(20)), "a guard: the smaller one of the listener's two");
    assert_eq!(total(own), Some(Duration::from_secs(10)), "a guard: the smallest of all levels");
    assert_eq!(own.limits, Some(Limits::body(1024)), "a guard: a route cannot widen its listener's bound");
    assert_eq!(plain.retry.map(|retry| retry.attempts), Some(4), "a shaper: of two sets of one level the later");
    assert_eq!(own.retry.map(|retry| retry.attempts), Some(0), "a shaper: the innermost set, and of two the later");
    assert_eq!(own.cors, plain.cors, "a shaper that no inner level sets stays");
    let headers = own.headers.as_ref().unwrap();
    assert_eq!(headers.response, policies::Edits::default(), "a shaper replaces whole: nothing of the outer is left");
    assert_ne!(headers.request, policies::Edits::default());
}

#[test]
fn the_rpc_endpoint_has_policies_of_its_own() {
    let more = "rpc: { listeners: [web], policies: [first] }";
    let snapshot = compiled(&format!("{LEVELS}{more}")).snapshot;
    let rpc = listener(&snapshot, "web").routes.last().unwrap().clone();
    let addresses = gateway_handler::Addresses::Registered;
    assert_eq!(rpc.id.as_str(), "/rpc");
    assert_eq!(rpc.handler, Handler::RpcEndpoint(gateway_handler::RpcEndpoint { addresses }));
    let expected = Policies::merge([&rpc_timeout(), &first()]);
    assert_eq!(
        rpc.policies, expected,
        "its own sets, and five seconds; nothing of the listener, whose CORS it must not have"
    );
}

fn rpc_timeout() -> Policies {
    Policies { timeout: policies::Timeout::new(Duration::from_secs(5)), ..Policies::default() }
}

fn first() -> Policies {
    Policies {
        limits: Some(Limits::body(2048)),
        retry: Some(policies::Retry { attempts: 3, ..policies::Retry::DEFAULT }),
        ..Policies::default()
    }
}

#[test]
fn clusters_keep_addresses_and_names_apart() {
    let snapshot = compiled(
        "services:
  app:
    protocol: grpc
    endpoints: ['10.0.0.1:80', { address: 'app.test:81', weight: 3 }, '[::1]:82']
    balance: round_robin
    connect_timeout: 1s
    pool: { connections: 9, idle: 2, idle_timeout: 7s }",
    )
    .snapshot;
    let source = &snapshot.clusters[0];
    assert_eq!(source.cluster.id.to_string(), "app");
    let addresses: Vec<_> = source.cluster.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.1:80", "[::1]:82"]);
    assert_eq!(source.hosts, [crate::HostEndpoint { host: "app.test".to_owned(), port: 81, weight: 3 }]);
    assert_eq!(source.protocol, Some(gateway_upstream::Protocol::Grpc));
    let pool = gateway_upstream::PoolSettings {
        connections_max: 9,
        idle_max: 2,
        idle_timeout: Duration::from_secs(7),
        connect_timeout: Duration::from_secs(1),
    };
    assert_eq!(source.settings(), (gateway_upstream::Balance::RoundRobin, pool));
}

/// Design 6: `http` leaves it to the handler, so that gRPC is passed on as HTTP/2 and a call is a gRPC call.
#[test]
fn a_service_without_a_protocol_is_spoken_to_as_the_handler_does() {
    let snapshot = compiled("services: { app: { endpoints: ['10.0.0.1:80', 'app.test:80'] } }").snapshot;
    let source = &snapshot.clusters[0];
    assert_eq!((source.protocol, source.cluster.endpoints[0].protocol), (None, None));
}

#[test]
fn a_listener_is_found_by_its_port_and_address() {
    let document = "
listeners:
  a: { address: '10.0.0.1:80', routes: all }
  b: { address: '10.0.0.2:80', routes: all }
  c: { address: :8080, routes: all }
routes: { all: [{ match: { path: /** }, handler: respond }] }
";
    let snapshot = compiled(document).snapshot;
    let check = |port: u16, address: Option<&str>, expected: Option<&str>| {
        let found = snapshot.listener_at(port, address.map(|address| address.parse().unwrap()));
        assert_eq!(found.map(|listener| &*listener.id), expected, "{port} {address:?}");
    };
    check(80, None, Some("a"));
    check(80, Some("10.0.0.2:80"), Some("b"));
    check(80, Some("10.9.9.9:80"), Some("a"));
    check(8080, Some("127.0.0.1:8080"), Some("c"));
    check(443, None, None);
}

#[test]
fn defaults_are_those_of_the_document() {
    let snapshot = compiled("").snapshot;
    assert_eq!(snapshot.workers, cores());
    assert!(snapshot.listeners.is_empty() && snapshot.clusters.is_empty());
    assert_eq!(snapshot.telemetry.request_id.header, "x-request-id");
    assert_eq!(compiled("workers: 3").snapshot.workers, 3);
    assert_eq!(Snapshot::empty().workers, 0);
}

/// Not that of the text: two ways to write one document are one configuration.
#[test]
fn the_digest_is_that_of_the_document() {
    let check = |a: &str, b: &str, equal: bool| {
        assert_eq!(compiled(a).snapshot.digest == compiled(b).snapshot.digest, equal, "{a} | {b}");
    };
    check("workers: 2", "workers: 2 # two", true);
    check("workers: 2\nadmin: off", "admin: { address: off }\nworkers: 2", true);
    check("workers: 2", "workers: 3", false);
}
