//! The admin API of a running process, and who may ask it.

use crate::support::{FREE, Folder, Serving, http, json, run, run_with};

const DOCUMENT: &str = r#"version: micro/v1
workers: 1
listeners:
  web: { address: "127.0.0.1:0", routes: web }
routes:
  web:
    - { match: { path: /hello }, handler: { respond: { body: "hello" } }, policies: [quick] }
    - { match: { path: /app/** }, handler: proxy, service: app }
policies:
  quick: { timeout: 1s }
services:
  app: { protocol: http, endpoints: ["127.0.0.1:1"] }
"#;

#[test]
fn what_runs_is_shown() {
    let serving = Serving::gateway(&Folder::with(DOCUMENT));
    let (web, admin) = (serving.listener("web"), serving.admin());
    assert_eq!(http(web, "GET /hello", &[], "").body, "hello");
    assert_eq!(http(web, "GET /nowhere", &[], "").status, 404);
    assert_eq!(http(web, "GET /app/x", &[], "").status, 502);

    for probe in ["GET /livez", "GET /readyz"] {
        assert_eq!(http(admin, probe, &[], "").status, 200, "{probe}");
    }
    let status = json(admin, "/status");
    assert_eq!(
        (&status["generation"], &status["ready"], &status["workers"]["serving"]),
        (&1.into(), &true.into(), &1.into())
    );
    assert_eq!(status["listeners"][0]["addresses"][0], web.to_string());
    assert_eq!((&status["reload"]["trigger"], &status["reload"]["outcome"]), (&"start".into(), &"applied".into()));

    let routes = json(admin, "/routes");
    let hello = &routes["listeners"][0]["routes"][0];
    assert_eq!((&hello["handler"], &hello["policies"][0]), (&"respond".into(), &"timeout".into()));
    let clusters = json(admin, "/clusters");
    let app = &clusters["clusters"][0];
    assert_eq!(
        (&app["name"], &app["source"], &app["endpoints"][0]["address"]),
        (&"app".into(), &"document".into(), &"127.0.0.1:1".into())
    );
    assert!(app["endpoints"][0]["calls"].as_u64().unwrap() >= 1, "{app}");
    assert!(json(admin, "/connections")["total"].is_number());
    assert_eq!(http(admin, "GET /nothing", &[], "").status, 404);
    assert_eq!(http(admin, "GET /reload", &[], "").status, 405);
}

#[test]
fn metrics_have_the_names_that_others_read() {
    let serving = Serving::gateway(&Folder::with(DOCUMENT));
    for _ in 0..3 {
        http(serving.listener("web"), "GET /hello", &[], "");
    }
    http(serving.listener("web"), "GET /app/x", &[], "");
    let metrics = http(serving.admin(), "GET /metrics", &[], "");
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    for line in [
        "micro_requests_total{route=\"/hello\",class=\"2xx\"} 3",
        "micro_requests_total{route=\"/app/**\",class=\"5xx\"} 1",
        "micro_request_duration_seconds_count{route=\"/hello\"} 3",
        "micro_errors_total{cause=\"connect_refused\"} 1",
        "micro_connections_accepted_total 4",
        "micro_upstream_endpoints{cluster=\"app\"} 1",
        "micro_config_generation 1",
        "micro_config_reloads_total{outcome=\"in_force\"} 1",
        "micro_panics_total 0",
    ] {
        assert!(metrics.body.lines().any(|written| written == line), "{line} is not in\n{}", metrics.body);
    }
    let open = http(serving.admin(), "GET /metrics", &["Accept: application/openmetrics-text"], "");
    assert!(open.head.contains("application/openmetrics-text") && open.body.ends_with("# EOF\n"), "{}", open.head);
}

#[test]
fn the_configuration_in_force_is_shown_without_secrets() {
    let folder = Folder::with(&format!("{DOCUMENT}admin: {{ token: hunter2 }}\n"));
    let serving = Serving::gateway(&folder);
    let shown = ["Authorization: Bearer hunter2"];
    let yaml = http(serving.admin(), "GET /config", &shown, "");
    assert!(yaml.head.contains("application/yaml") && yaml.body.contains("workers: 1"), "{}", yaml.body);
    let origins = http(serving.admin(), "GET /config?origin=true", &shown, "").body;
    assert!(
        origins.lines().any(|line| line.starts_with("workers: 1") && line.ends_with("gateway.yaml:2:10")),
        "{origins}"
    );
    let as_json = http(serving.admin(), "GET /config?format=json", &shown, "").body;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&as_json).unwrap()["workers"], 1);
    assert!([&yaml.body, &origins, &as_json].iter().all(|text| !text.contains("hunter2")));
    assert_eq!(http(serving.admin(), "GET /config?format=xml", &shown, "").status, 400);

    let admin = serving.admin().to_string();
    let show = run(&["config", "show", "--admin", &admin, "--admin_token", "hunter2", "--origin"]);
    assert_eq!((show.code, show.out), (Some(0), origins));
}

#[test]
fn web_pages_are_kept_away() {
    let serving = Serving::gateway(&Folder::with(DOCUMENT));
    let check = |head: &[&str], expected: u16| {
        assert_eq!(http(serving.admin(), "GET /status", head, "").status, expected, "admin: {head:?}");
        assert_eq!(http(serving.registry(), "GET /v1/registry", head, "").status, expected, "registry: {head:?}");
    };
    check(&[], 200);
    check(&["Host: localhost"], 200);
    check(&["Host: evil.example"], 403);
    check(&["Origin: http://evil.example"], 403);
    check(&["Sec-Fetch-Site: cross-site"], 403);
    assert_eq!(http(serving.admin(), "POST /reload", &["Origin: http://evil.example"], "").status, 403);
    assert_eq!(json(serving.admin(), "/status")["reloads"]["in_force"], 1, "a refused request does nothing");
}

#[test]
fn a_token_is_asked_for_where_the_document_names_one() {
    let folder = Folder::with("version: micro/v1\nadmin: { token: \"env:ADMIN_TOKEN\" }\n");
    let document = folder.document();
    let mut command = crate::support::micro(&crate::support::program());
    command.args([&["gateway", "--config", &document], &FREE[..]].concat()).env("ADMIN_TOKEN", "s3cret");
    let serving = Serving::of(command);
    let check = |request: &str, head: &[&str], expected: u16| {
        assert_eq!(http(serving.admin(), request, head, "").status, expected, "{request} {head:?}");
    };
    check("GET /status", &[], 401);
    check("GET /status", &["Authorization: Bearer wrong"], 401);
    check("GET /status", &["Authorization: Bearer s3cret"], 200);
    check("POST /reload", &[], 401);
    check("GET /readyz", &[], 200); // a probe has no token

    let admin = serving.admin().to_string();
    assert_eq!(run(&["reload", "--admin", &admin]).code, Some(1));
    assert_eq!(run(&["reload", "--admin", &admin, "--admin_token", "s3cret"]).code, Some(0));

    let from_document = ["reload", "--admin", &admin, "--config", &document];
    assert_eq!(run_with(&from_document, &[("ADMIN_TOKEN", "s3cret")]).code, Some(0));
    folder.write("version: micro/v1\nadmin: { tokem: \"env:ADMIN_TOKEN\" }\n");
    let unread = run_with(&from_document, &[("ADMIN_TOKEN", "s3cret")]);
    assert_eq!(unread.code, Some(1), "{unread:?}");
    assert!(unread.err.contains("401") && unread.err.contains("give it as --admin_token"), "{}", unread.err);
}

#[test]
fn a_token_that_cannot_be_had_refuses_the_document() {
    let folder = Folder::with("version: micro/v1\nadmin: { token: \"file:/nonexistent/token\" }\n");
    let ended = run(&[&["gateway", "--config", &folder.document()], &FREE[..]].concat());
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("gateway.yaml:2:") && ended.err.contains("/nonexistent/token"), "{}", ended.err);
}

#[test]
fn an_admin_listener_that_others_reach_needs_a_token() {
    let ended = run(&["gateway", "--admin", "0.0.0.0:0", "--registry_listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("open-admin") && ended.err.contains("token"), "{}", ended.err);
}
