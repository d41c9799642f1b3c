//! How a process starts and ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::support::{DEADLINE, FREE, Folder, Serving, http, receive, run, send, try_http, wait_until};

#[test]
fn an_exchange_that_goes_on_is_finished_before_the_end() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = proxy_of(&upstream);
    let (arrived, is_there) = sync_channel::<()>(1);
    let (answer, may_answer) = sync_channel::<()>(1);
    let slow = thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).unwrap() > 0);
        arrived.send(()).unwrap();
        may_answer.recv_timeout(DEADLINE).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").unwrap();
    });
    let serving = Serving::gateway(&folder);
    let (web, admin) = (serving.listener("web"), serving.admin());
    let mut client = TcpStream::connect(web).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    send(&mut client, "GET /slow", &[], "").unwrap();
    is_there.recv_timeout(DEADLINE).unwrap();

    serving.signal("TERM");
    let not_ready = wait_until("readiness to go off", || {
        try_http(admin, "GET /readyz", &[], "").ok().filter(|answer| answer.status == 503)
    });
    assert!(not_ready.body.contains("shutting down"), "{}", not_ready.body);
    assert_eq!(http(admin, "GET /livez", &[], "").status, 200);
    wait_until("the listener to close", || TcpStream::connect(web).is_err().then_some(()));
    answer.send(()).unwrap();

    let response = receive(client).unwrap();
    assert_eq!((response.status, response.body.as_str()), (200, "late"));
    slow.join().unwrap();
    let (status, log) = serving.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// A gateway in front of one service.
fn proxy_of(upstream: &TcpListener) -> Folder {
    Folder::with(&format!(
        "version: micro/v1\nlisteners: {{ web: {{ address: \"127.0.0.1:0\", routes: web }} }}\n\
         routes: {{ web: [{{ match: {{ path: /** }}, handler: proxy, service: slow }}] }}\n\
         services: {{ slow: {{ protocol: http, endpoints: [\"{}\"] }} }}\n",
        upstream.local_addr().unwrap()
    ))
}

#[test]
fn a_second_signal_cuts_at_once() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = proxy_of(&upstream);
    let mut serving = Serving::gateway(&folder);
    let mut client = TcpStream::connect(serving.listener("web")).unwrap();
    send(&mut client, "GET /", &[], "").unwrap();
    let held = upstream.accept().unwrap();
    serving.signal("TERM");
    serving.wait_for("shutting down");
    serving.signal("TERM");
    let (status, log) = serving.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("cut by a second signal"), "{log}");
    drop(held);
}

#[test]
fn what_takes_too_long_is_cut() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = proxy_of(&upstream);
    let document = folder.document();
    let serving =
        Serving::start(&[&["gateway", "--config", &document, "--drain_timeout", "100ms"], &FREE[..]].concat());
    let mut client = TcpStream::connect(serving.listener("web")).unwrap();
    send(&mut client, "GET /", &[], "").unwrap();
    let held = upstream.accept().unwrap();
    serving.signal("INT");
    let (status, log) = serving.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("connections were cut"), "{log}");
    drop(held);
}

/// The document may grant another time than the one that was there at the start.
#[test]
fn the_time_to_drain_is_that_of_the_document_in_force() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = proxy_of(&upstream);
    let document = std::fs::read_to_string(folder.path("gateway.yaml")).unwrap();
    folder.write(&format!("{document}drain_timeout: 1h\n"));
    let serving = Serving::gateway(&folder);
    let mut client = TcpStream::connect(serving.listener("web")).unwrap();
    send(&mut client, "GET /", &[], "").unwrap();
    let held = upstream.accept().unwrap();
    folder.write(&format!("{document}drain_timeout: 100ms\n"));
    assert_eq!(run(&["reload", "--admin", &serving.admin().to_string()]).code, Some(0));
    serving.signal("TERM");
    let (status, log) = serving.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("connections were cut"), "{log}");
    drop(held);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let check = |words: &[&str], expected: &[&str]| {
        let ended = run(words);
        assert_eq!(ended.code, Some(78), "{words:?}: {ended:?}");
        for text in expected {
            assert!(ended.err.contains(text), "{text}: {}", ended.err);
        }
    };
    check(&[&["api", "--address", &address], &FREE[..]].concat(), &["bind-failed", &address, "--address"]);
    check(&["gateway", "--admin", &address, "--registry_listen", "127.0.0.1:0"], &["bind-failed", &address, "--admin"]);
    check(
        &["api", "--address", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry_listen", &address],
        &["bind-failed", &address, "--registry_listen"],
    );
}

/// What Micro v2 allowed is said, so that nobody has it without knowing.
#[test]
fn web_pages_of_any_origin_are_warned_of_once() {
    let check = |words: &[&str], expected: usize| {
        let serving = Serving::start(&[words, &["--address", "127.0.0.1:0"], &FREE[..]].concat());
        serving.signal("HUP");
        serving.signal("TERM");
        let (_, log) = serving.wait();
        assert_eq!(log.matches("web pages of any origin may call").count(), expected, "{words:?}: {log}");
    };
    check(&["api"], 1);
    check(&["api", "--enable_cors=false"], 0);
    let listed = "version: micro/v1\npolicies: { api: { cors: { origins: [\"https://app.example.com\"] } } }\n";
    check(&["api", "--config", &Folder::with(listed).document()], 0);
    check(&["demo"], 0);
}

#[test]
fn ready_is_said_once_and_last_also_for_machines() {
    let mut child = crate::support::micro(&crate::support::program())
        .args([&["api", "--address", "127.0.0.1:0", "--output", "json"], &FREE[..]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut values =
        serde_json::Deserializer::from_reader(child.stdout.take().unwrap()).into_iter::<serde_json::Value>();
    let said = values.next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said["listeners"][0]["name"], "api");
    for place in [&said["listeners"][0]["addresses"], &said["registry"], &said["admin"]] {
        assert!(place[0].as_str().unwrap().starts_with("127.0.0.1:"), "{said}");
    }
}
