//! `micro explain` and `micro test`.

use crate::support::{Folder, run, run_with};

const DOCUMENT: &str = r#"version: micro/v1
listeners:
  api: { address: "127.0.0.1:8080", routes: api }
  other: { address: "127.0.0.1:8081", routes: other }
routes:
  api:
    - { match: { path: /fixed }, handler: { respond: { status: 418 } } }
    - { name: gold, match: { path: /app/**, headers: { x-tier: gold } }, handler: proxy, service: app }
    - { match: { path: /** }, handler: rpc, namespace: com.example, policies: [quick] }
  other:
    - { match: { path: /**, method: POST }, handler: respond }
policies:
  quick: { timeout: 1s }
services:
  app: { protocol: http, endpoints: ["127.0.0.1:1"] }
tests:
  - request: "GET http://localhost:8080/fixed"
    expect: { status: 418, route: /fixed, table: api }
"#;

fn explained(words: &[&str]) -> serde_json::Value {
    let folder = Folder::with(DOCUMENT);
    let document = folder.document();
    let ended = run(&[&["explain", "--config", &document, "--output", "json"], words].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn the_listener_follows_from_the_port() {
    let check = |url: &str, listener: &str| assert_eq!(explained(&[url])["listener"], listener, "{url}");
    check("GET http://localhost:8080/a/b", "api");
    check("GET http://localhost:8081/a/b", "other");
    assert_eq!(explained(&["--listener", "other", "GET http://localhost/a/b"])["listener"], "other");
    let folder = Folder::with(DOCUMENT);
    let ended = run(&["explain", "--config", &folder.document(), "GET http://localhost:9/a"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("api at 127.0.0.1:8080"), "{}", ended.err);
}

/// What `micro api` would do with these flags.
#[test]
fn flags_of_the_preset_that_is_named_count() {
    let url = "GET http://localhost:9090/greeter/say/hello";
    let words = ["explain", "--output=json", "--preset", "api", "--address", ":9090", "--namespace", "com.example"];
    let ended = run(&[&words[..], &["--handler=rpc", url]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let explained: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&explained["handler"], &explained["service"]), (&"rpc".into(), &"com.example.api.greeter".into()));
    let ended = run(&["explain", "--namespace", "com.example", url]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("flag provided but not defined: -namespace"), "{}", ended.err);
}

#[test]
fn why_a_route_takes_a_request_and_others_do_not() {
    let gold = explained(&["-H", "X-Tier: gold", "GET http://localhost:8080/app/x"]);
    assert_eq!((&gold["route"], &gold["handler"], &gold["service"]), (&"gold".into(), &"proxy".into(), &"app".into()));
    let plain = explained(&["GET http://localhost:8080/app/x"]);
    assert_eq!((&plain["handler"], &plain["method"]), (&"rpc".into(), &"App.X".into()));
    let considered = plain["considered"].as_array().unwrap();
    assert_eq!(considered.len(), 3);
    assert_eq!(considered[2]["outcome"], "taken");
    assert!(considered[1]["outcome"].as_str().unwrap().contains("x-tier"), "{considered:?}");
    assert_eq!(plain["policies"][0]["policy"], "timeout");
}

#[test]
fn names_count_as_registered_unless_somebody_says_which_are() {
    let all = explained(&["GET http://localhost:8080/greeter/say/hello"]);
    assert_eq!((&all["service"], &all["all_registered"]), (&"com.example.api.greeter".into(), &true.into()));
    let second = explained(&["--given", "com.example.greeter,x", "GET http://localhost:8080/greeter/say/hello"]);
    assert_eq!((&second["service"], &second["method"]), (&"com.example.greeter".into(), &"Say.Hello".into()));
    assert_eq!(second["candidates"][0]["registered"], false);
    let none = explained(&["--given", "x", "GET http://localhost:8080/greeter/say/hello"]);
    assert_eq!(
        (&none["service"], &none["status"], &none["cause"]),
        (&serde_json::Value::Null, &404.into(), &"no_service".into())
    );
}

#[test]
fn what_the_gateway_refuses_is_explained_too() {
    let method = explained(&["GET http://localhost:8081/"]);
    assert_eq!((&method["status"], &method["cause"]), (&405.into(), &"method_not_allowed".into()));
    let path = explained(&["GET http://localhost:8080/a%00b"]);
    assert_eq!((&path["status"], &path["listener"]), (&400.into(), &"api".into()));
    let ended = run(&["explain", "--preset", "api", "GET /no/url"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn variables_count_as_for_the_command_itself() {
    let variables = [("MICRO_API_HANDLER", "rpc"), ("MICRO_API_NAMESPACE", "go.micro.srv")];
    let words =
        ["explain", "--preset", "api", "--given", "go.micro.srv.example", "POST http://localhost:8080/example/call"];
    let ended = run_with(&words, &variables);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in ["handler   rpc", "service   go.micro.srv.example", "method    Example.Call"] {
        assert!(ended.out.contains(line), "{line}: {}", ended.out);
    }
}

#[test]
fn tests_in_a_document_pass_or_say_where_they_do_not() {
    let folder = Folder::with(DOCUMENT);
    let passed = run(&["test", &folder.document()]);
    assert_eq!((passed.code, passed.out.ends_with("1 of 1 tests passed\n")), (Some(0), true), "{passed:?}");

    folder
        .write(&DOCUMENT.replace("status: 418, route: /fixed, table: api", "status: 200, route: /fixed, table: other"));
    let failed = run(&["test", &folder.document()]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let place =
        format!("{}:18:23: GET http://localhost:8080/fixed: expected status 200, found 418\n", folder.document());
    assert!(failed.err.contains(&place), "{}", failed.err);
    assert!(failed.err.contains("expected table other, found api"), "{}", failed.err);
    let json = run(&["test", &folder.document(), "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["documents"][0]["passed"], &json["documents"][0]["failed"]), (&0.into(), &1.into()));
    assert_eq!(json["documents"][0]["tests"][0]["failures"].as_array().unwrap().len(), 2);
}
