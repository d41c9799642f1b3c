//! The examples, run as their READMEs say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;

use crate::support::{FREE, Serving, http, json, micro, program, run, wait_until};

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

fn demo(more: &[&str]) -> Serving {
    Serving::start(&[&["demo", "--address", "127.0.0.1:0"], &FREE[..], more].concat())
}

/// The three lines that the demo prints (spec/manual 9.8 to 9.10).
fn greets(api: SocketAddr) {
    let check = |request: &str, kind: &str, body: &str| {
        let answer = http(api, request, &[kind], body);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"msg":"Hello John"}"#), "{request} {body}");
    };
    check("GET /greeter/say/hello?name=John", "Accept: */*", "");
    check("POST /rpc", FORM, r#"service=go.micro.srv.greeter&method=Say.Hello&request={"name": "John"}"#);
    check(
        "POST /rpc",
        JSON,
        r#"{"service": "go.micro.srv.greeter", "method": "Say.Hello", "request": {"name": "John"}}"#,
    );
}

#[test]
fn the_demo_answers_the_lines_it_prints_and_leaves_the_registry() {
    let serving = demo(&[]);
    greets(serving.listener("api"));
    let services = http(serving.registry(), "GET /v1/registry", &[], "").body;
    for name in ["go.micro.api", "go.micro.srv.greeter", "go.micro.api.greeter"] {
        assert!(services.contains(name), "{services}");
    }
    let clusters = json(serving.admin(), "/clusters");
    assert_eq!(clusters["clusters"][0]["endpoints"][0]["protocol"], "grpc");
    serving.signal("TERM");
    let (status, log) = serving.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// Ten lines to read and something that runs; the tests of a document pass.
#[test]
fn every_example_is_whole() {
    let folders: Vec<PathBuf> = std::fs::read_dir(example("."))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        let lines = std::fs::read_to_string(folder.join("README.md")).unwrap().lines().count();
        assert!((5..=20).contains(&lines), "{}: {lines} lines", folder.display());
        let document = folder.join("gateway.yaml");
        if document.exists() {
            let ended = run(&["test", document.to_str().unwrap()]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        } else {
            assert!(folder.join("run.sh").exists(), "{}: nothing runs", folder.display());
        }
    }
}

#[test]
fn greeter() {
    let document = example("greeter/gateway.yaml");
    let serving = demo(&["--config", document.to_str().unwrap()]);
    greets(serving.listener("api"));
    assert_eq!(http(serving.listener("api"), "GET /about", &[], "").body, "greetings since 2026\n");
    assert_eq!(http(serving.listener("api"), "GET /nobody/say/hello", &[], "").status, 404);
}

#[test]
fn env() {
    let greeter = demo(&[]);
    let services: serde_json::Value =
        serde_json::from_str(&http(greeter.registry(), "GET /v1/registry/go.micro.srv.greeter", &[], "").body).unwrap();
    let node = format!(r#"{{"address":{},"protocol":"grpc"}}"#, services[0]["nodes"][0]["address"]);

    let mut command = micro(&example("env/run.sh"));
    command.env("MICRO", program()).args(["--address", "127.0.0.1:0"]).args(FREE);
    let serving = Serving::of(command);
    let path = "PUT /v1/registry/go.micro.srv.greeter/greeter-1?ttl=60s";
    assert_eq!(http(serving.registry(), path, &[JSON], &node).status, 204);
    let answer = wait_until("the service", || {
        let answer = http(serving.listener("api"), "POST /greeter/say/hello", &[JSON], r#"{"name": "John"}"#);
        (answer.status != 404).then_some(answer)
    });
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"msg":"Hello John"}"#));
}

#[test]
fn reverse_proxy() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = app.local_addr().unwrap().to_string();
    thread::spawn(move || app.incoming().map_while(Result::ok).for_each(tell_target));
    let mut command = micro(&program());
    command.args(["gateway", "--config", example("reverse-proxy/gateway.yaml").to_str().unwrap()]).args(FREE);
    command.env("LISTEN", "127.0.0.1:0").env("UPSTREAM", &upstream);
    let serving = Serving::of(command);
    let check = |target: &str, expected: &str| {
        let answer = http(serving.listener("web"), &format!("GET {target}"), &[], "");
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{target}");
    };
    check("/index.html?a=b", "/index.html?a=b");
    check("/api/users?page=2", "/users?page=2");
}

/// Answers one request with its target.
fn tell_target(mut stream: std::net::TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head);
    let target = text.split(' ').nth(1).unwrap_or_default();
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{target}", target.len());
    stream.write_all(answer.as_bytes()).unwrap();
}

/// A registry, a service that registers there, and a gateway that finds it; then the registry is gone.
#[test]
fn registry() {
    let registry = Serving::start(&["registry", "--address", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let address = registry.registry().to_string();
    let _greeter = demo(&["--registry=service", "--registry_address", &address]);
    let mut command = micro(&program());
    command.args(["gateway", "--config", example("registry/gateway.yaml").to_str().unwrap()]).args(FREE);
    command.env("LISTEN", "127.0.0.1:0").env("REGISTRY", &address);
    let gateway = Serving::of(command);
    let call = || http(gateway.listener("api"), "POST /greeter/say/hello", &[JSON], r#"{"name": "John"}"#);
    let answer = wait_until("the service", || Some(call()).filter(|answer| answer.status == 200));
    assert_eq!(answer.body, r#"{"msg":"Hello John"}"#);
    registry.signal("TERM");
    registry.wait();
    let stale = |metrics: &str| metrics.contains("micro_registry_stale 1").then_some(());
    wait_until("what is known to be old", || stale(&http(gateway.admin(), "GET /metrics", &[], "").body));
    assert_eq!(call().status, 200, "what is known is called");
}

#[test]
fn registry_file() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = app.local_addr().unwrap().to_string();
    thread::spawn(move || app.incoming().map_while(Result::ok).for_each(tell_target));
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("services.yaml");
    std::fs::write(&services, "services: []").unwrap();
    let mut command = micro(&program());
    command.args(["gateway", "--config", example("registry-file/gateway.yaml").to_str().unwrap()]).args(FREE);
    command.env("LISTEN", "127.0.0.1:0").env("SERVICES", &services);
    let gateway = Serving::of(command);
    let get = || http(gateway.listener("web"), "GET /README.md", &[], "");
    assert_eq!(get().status, 404);
    let text = std::fs::read_to_string(example("registry-file/services.yaml")).unwrap();
    std::fs::write(&services, text.replace("127.0.0.1:9091", &address)).unwrap();
    let answer = wait_until("the service", || Some(get()).filter(|answer| answer.status == 200));
    assert_eq!(answer.body, "/README.md");
}
