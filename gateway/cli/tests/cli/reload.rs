//! A running process follows its document.

use std::net::SocketAddr;

use crate::support::{FREE, Folder, Serving, http, json, run, try_http, wait_until};

fn document(body: &str, more: &str) -> String {
    format!(
        "version: micro/v1\nworkers: 1\nlisteners: {{ web: {{ address: \"127.0.0.1:0\", routes: web }} }}\n\
         routes: {{ web: [{{ match: {{ path: /** }}, handler: {{ respond: {{ body: \"{body}\" }} }} }}] }}\n{more}"
    )
}

fn body(serving: &Serving) -> String {
    http(serving.listener("web"), "GET /", &[], "").body
}

#[test]
fn a_file_that_changes_is_taken_up() {
    let folder = Folder::with(&document("one", ""));
    let serving = Serving::gateway(&folder);
    assert_eq!(body(&serving), "one");
    folder.write(&document("two", ""));
    wait_until("the second document", || (body(&serving) == "two").then_some(()));
    std::fs::write(folder.path("gateway.yaml"), document("three", "")).unwrap();
    wait_until("the third, written in place", || (body(&serving) == "three").then_some(()));
    let status = json(serving.admin(), "/status");
    assert_eq!((&status["generation"], &status["reload"]["trigger"]), (&3.into(), &"file".into()));
}

#[test]
fn an_invalid_document_changes_nothing_and_is_reported() {
    let folder = Folder::with(&document("one", ""));
    let mut serving = Serving::gateway(&folder);
    let admin = serving.admin().to_string();
    folder.write("version: micro/v1\nworkers: many\n");
    let ended = run(&["reload", "--admin", &admin]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("gateway.yaml:2:10") && ended.err.contains("refused"), "{}", ended.err);
    assert_eq!(body(&serving), "one");

    let status = json(serving.admin(), "/status");
    assert_eq!((&status["generation"], &status["reload"]["in_force"]), (&1.into(), &false.into()));
    assert_eq!(status["reload"]["diagnostics"]["diagnostics"][0]["labels"][0]["line"], 2);
    let metrics = http(serving.admin(), "GET /metrics", &[], "").body;
    assert!(metrics.contains("micro_config_last_reload_in_force 0"), "{metrics}");
    assert!(!metrics.contains("micro_config_reloads_total{outcome=\"refused\"} 0"), "{metrics}");
    serving.wait_for("configuration refused");

    let json_of = run(&["reload", "--admin", &admin, "--output", "json"]);
    assert_eq!(json_of.code, Some(78));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json_of.out).unwrap()["outcome"], "refused");

    folder.write(&document("two", ""));
    let ended = run(&["reload", "--admin", &admin]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("generation 2"), "{}", ended.out);
    assert_eq!(body(&serving), "two");
}

#[test]
fn a_signal_reloads() {
    let folder = Folder::with(&document("one", ""));
    let serving = Serving::gateway(&folder);
    serving.signal("HUP");
    wait_until("the reload", || (json(serving.admin(), "/status")["reload"]["trigger"] == "signal").then_some(()));
    assert_eq!(json(serving.admin(), "/status")["reload"]["outcome"], "unchanged");
}

#[test]
fn the_log_follows() {
    let folder = Folder::with(&document("one", "telemetry: { log: error }\n"));
    let mut serving = Serving::gateway(&folder);
    let admin = serving.admin().to_string();
    folder.write(&document("two", "telemetry: { log: error }\n"));
    assert_eq!(run(&["reload", "--admin", &admin]).code, Some(0));
    folder.write(&document("three", "telemetry: { log: { level: debug, format: json } }\n"));
    assert_eq!(run(&["reload", "--admin", &admin]).code, Some(0));
    folder.write(&document("four", "telemetry: { log: { level: debug, format: json } }\n"));
    assert_eq!(run(&["reload", "--admin", &admin]).code, Some(0));
    serving.wait_for("\"generation\":4");
    serving.signal("TERM");
    let (_, log) = serving.wait();
    assert!(!log.contains("generation=2") && !log.contains("\"generation\":2"), "{log}");
}

#[test]
fn admin_and_registry_move() {
    let folder =
        Folder::with(&document("one", "admin: \"127.0.0.1:0\"\nregistry: { kind: memory, listen: \"127.0.0.1:0\" }\n"));
    let serving = Serving::start(&["gateway", "--config", &folder.document()]);
    let (admin, registry) = (serving.admin(), serving.registry());
    let put = http(
        registry,
        "PUT /v1/registry/a/a-1?ttl=1h",
        &["Content-Type: application/json"],
        r#"{"address":"127.0.0.1:9"}"#,
    );
    assert_eq!(put.status, 204, "{}", put.body);

    // Another host of loopback: another place, also with port 0.
    folder.write(&document("one", "admin: \"127.0.0.2:0\"\nregistry: { kind: memory, listen: \"127.0.0.2:0\" }\n"));
    let moved = http(admin, "POST /reload", &[], "");
    assert_eq!(moved.status, 200, "the answer comes on the connection that asked: {}", moved.body);
    wait_until("the old places to close", || (try_http(admin, "GET /livez", &[], "").is_err()).then_some(()));
    wait_until("the old registry to close", || {
        (try_http(registry, "GET /v1/registry", &[], "").is_err()).then_some(())
    });
}

/// From all addresses to loopback and back, on one port: nobody who asks meanwhile is turned away.
#[test]
fn admin_and_registry_move_on_their_own_ports() {
    let places = |admin: &str, registry: &str| {
        let more = format!(
            "admin: {{ address: \"{admin}\", token: secret }}\nregistry: {{ kind: memory, listen: \"{registry}\" }}\n"
        );
        document("one", &more)
    };
    let folder = Folder::with(&places("0.0.0.0:0", "0.0.0.0:0"));
    let serving = Serving::start(&["gateway", "--config", &folder.document()]);
    let at = |host: [u8; 4], place: SocketAddr| SocketAddr::from((host, place.port()));
    let (admin, registry) = (serving.admin(), serving.registry());
    let reached = |host: [u8; 4]| {
        let admin = try_http(at(host, admin), "GET /livez", &[], "").is_ok_and(|answer| answer.status == 200);
        (admin, try_http(at(host, registry), "GET /v1/registry", &[], "").is_ok())
    };
    let move_to = |host: &str| {
        folder.write(&places(&format!("{host}:{}", admin.port()), &format!("{host}:{}", registry.port())));
        let loopback = at([127, 0, 0, 1], admin).to_string();
        let ended = run(&["reload", "--admin", &loopback, "--admin_token", "secret"]);
        assert_eq!(ended.code, Some(0), "{host}: {ended:?}");
        assert_eq!(reached([127, 0, 0, 1]), (true, true), "{host}");
    };
    assert_eq!(reached([127, 0, 0, 2]), (true, true));
    move_to("127.0.0.1");
    wait_until("the wildcards to close", || (reached([127, 0, 0, 2]) == (false, false)).then_some(()));
    move_to("localhost");
    move_to("0.0.0.0");
    assert_eq!(reached([127, 0, 0, 2]), (true, true));
    serving.signal("TERM");
    assert_eq!(serving.wait().0.code(), Some(0));
}

#[test]
fn the_lease_of_registrations_follows() {
    let registry = |ttl: &str| document("one", &format!("registry: {{ listen: \"127.0.0.1:0\", ttl: {ttl} }}\n"));
    let folder = Folder::with(&registry("1h"));
    let serving = Serving::start(&["gateway", "--config", &folder.document(), "--admin", "127.0.0.1:0"]);
    let put = |service: &str| {
        let path = format!("PUT /v1/registry/{service}/{service}-1");
        http(serving.registry(), &path, &["Content-Type: application/json"], r#"{"address":"127.0.0.1:9"}"#).status
    };
    assert_eq!(put("long"), 204);
    folder.write(&registry("1s"));
    assert_eq!(run(&["reload", "--admin", &serving.admin().to_string()]).code, Some(0));
    assert_eq!(put("short"), 204);
    wait_until("the lease to end", || {
        (http(serving.registry(), "GET /v1/registry/short", &[], "").status == 404).then_some(())
    });
    assert_eq!(http(serving.registry(), "GET /v1/registry/long", &[], "").status, 200);
}

#[test]
fn an_address_that_cannot_be_had_refuses_the_reload() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::with(&document("one", ""));
    let serving = Serving::gateway(&folder);
    let other = format!("listeners: {{ other: {{ address: \"{}\", routes: web }},", taken.local_addr().unwrap());
    folder.write(&document("two", "").replace("listeners: {", &other));
    let ended = run(&["reload", "--admin", &serving.admin().to_string()]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("bind-failed") && ended.err.contains("gateway.yaml:3:"), "{}", ended.err);
    assert_eq!(body(&serving), "one");
}

#[test]
fn without_a_process_there_is_nothing_to_reload() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = run(&["reload", "--admin", &free]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains(&free), "{}", ended.err);
}

#[test]
fn standard_input_is_a_document_too() {
    let mut command = crate::support::micro(&std::path::PathBuf::from("sh"));
    let script = format!("printf '%s' \"$DOCUMENT\" | exec {} \"$@\"", crate::support::program().display());
    command.args(["-c", &script, "sh", "gateway", "--config", "-"]).args(FREE).env("DOCUMENT", document("piped", ""));
    let serving = Serving::of(command);
    assert_eq!(body(&serving), "piped");
    assert_eq!(http(serving.admin(), "POST /reload", &[], "").status, 200);
    assert_eq!(body(&serving), "piped");
}
