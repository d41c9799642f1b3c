//! Over real sockets, as a client that writes the bytes itself sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

mod events;
mod grpc;

use super::{Allowed, TTL_DEFAULT, serve};
use crate::memory::Memory;
use crate::registry::Registry;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    registry: Memory,
    ttl_default: watch::Sender<Duration>,
    shutdown: CancellationToken,
    task: JoinSet<()>,
}

impl Server {
    async fn start() -> Server {
        Self::start_at("127.0.0.1:0".parse().expect("is an address"), Memory::new()).await
    }

    async fn start_at(address: SocketAddr, registry: Memory) -> Server {
        let listener = TcpListener::bind(address).await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let shutdown = CancellationToken::new();
        let (ttl_default, ttl) = watch::channel(TTL_DEFAULT);
        let mut task = JoinSet::new();
        let shared: Arc<dyn Registry> = Arc::new(registry.clone());
        task.spawn(serve(listener, shared, Allowed::listening(address), ttl, shutdown.clone()));
        Server { address, registry, ttl_default, shutdown, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }

    /// Sends one request on a connection of its own, returns status and body.
    async fn ask(&self, line: &str, headers: &str, body: &str) -> (u16, String) {
        let (head, body) = self.ask_whole(line, headers, body).await;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("has a status");
        (status, body)
    }

    async fn ask_whole(&self, line: &str, headers: &str, body: &str) -> (String, String) {
        let host = if headers.to_lowercase().contains("host:") { "" } else { "host: localhost\r\n" };
        let length = body.len();
        let request =
            format!("{line} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("is answered").expect("is read");
        let answer = String::from_utf8(answer).expect("is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("has a head");
        (head.to_lowercase(), body.to_owned())
    }

    #[track_caller]
    fn check(&self, line: &str, body: &str, status: u16, expected: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.ask(line, "", body).await;
            assert_eq!((answer.0, answer.1.as_str()), (status, expected), "{line} at {at}");
        }
    }
}

#[tokio::test]
async fn a_node_is_registered_found_refreshed_and_taken_away() {
    let server = Server::start().await;
    let put = r#"{"version":"1","address":"127.0.0.1:9090","protocol":"grpc","endpoints":[{"name":"Say.Hello"}]}"#;
    let record = concat!(
        r#"[{"name":"go.micro.srv.greeter","version":"1","metadata":null,"#,
        r#""endpoints":[{"name":"Say.Hello","request":null,"response":null,"metadata":null}],"#,
        r#""nodes":[{"id":"g-1","address":"127.0.0.1:9090","metadata":{"protocol":"grpc"}}]}]"#
    );
    server.check("GET /v1/registry", "", 200, "[]").await;
    server.check("PUT /v1/registry/go.micro.srv.greeter/g-1?ttl=30s", put, 204, "").await;
    server.check("GET /v1/registry/go.micro.srv.greeter", "", 200, record).await;
    server.check("GET /v1/registry", "", 200, record).await;
    server.check("GET /v1/registry/", "", 200, record).await;
    server.check("HEAD /v1/registry", "", 200, "").await;
    server.check("POST /v1/registry/go.micro.srv.greeter/g-1/heartbeat", "", 204, "").await;
    server.check("DELETE /v1/registry/go.micro.srv.greeter/g-1", "", 204, "").await;
    let gone = r#"{"id":"go.micro.registry","code":404,"detail":"no node \"g-1\" of service \"go.micro.srv.greeter\" is registered: register it again","status":"Not Found"}"#;
    server.check("POST /v1/registry/go.micro.srv.greeter/g-1/heartbeat", "", 404, gone).await;
    let gone = r#"{"id":"go.micro.registry","code":404,"detail":"service \"go.micro.srv.greeter\" is not registered","status":"Not Found"}"#;
    server.check("GET /v1/registry/go.micro.srv.greeter", "", 404, gone).await;
}

#[tokio::test]
async fn a_node_without_an_address_is_where_the_request_came_from() {
    let server = Server::start().await;
    server.check("PUT /v1/registry/ns%2Fs/a%20b", "", 400, r#"{"id":"go.micro.registry","code":400,"detail":"where does the node listen? give `address` as `host:port`, or `port`","status":"Bad Request"}"#).await;
    server.check("PUT /v1/registry/ns%2Fs/n", r#"{"port":7070}"#, 204, "").await;
    let services = server.registry.get("ns/s").await.expect("is there");
    assert_eq!(services[0].nodes[0].address, "127.0.0.1:7070");
}

#[tokio::test]
async fn a_lease_that_is_not_named_is_the_default_of_its_moment() {
    let server = Server::start().await;
    let put = r#"{"port":7070}"#;
    server.check("PUT /v1/registry/s/stays", put, 204, "").await;
    server.ttl_default.send_replace(Duration::from_millis(1));
    server.check("PUT /v1/registry/s/named?ttl=1h", put, 204, "").await;
    server.check("PUT /v1/registry/short/ends", put, 204, "").await;
    let mut watch = server.registry.watch().await.expect("watches");
    let gone = async {
        while server.registry.get("short").await.is_ok() {
            watch.next().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("its lease ends");
    let nodes = server.registry.get("s").await.expect("is there").remove(0).nodes;
    assert_eq!(nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["stays", "named"]);
}

#[tokio::test]
async fn mistakes_are_told_with_what_was_expected() {
    let server = Server::start().await;
    for (line, body, status, part) in [
        ("PUT /v1/registry/s/n?ttl=30", r#"{"port":1}"#, 400, "expected a duration such as 30s"),
        ("PUT /v1/registry/s/n?tll=30s", r#"{"port":1}"#, 400, "the only one is `ttl`"),
        ("PUT /v1/registry/s/n", r#"{"prot":1}"#, 400, "the body is not a registration: unknown field `prot`"),
        ("PUT /v1/registry/s/a%20b", r#"{"port":1}"#, 400, "the node id \\\"a b\\\" holds ' '"),
        ("PUT /v1/registry/s/%FF", r#"{"port":1}"#, 400, "is not UTF-8"),
        ("PUT /v1/registry//n", r#"{"port":1}"#, 400, "the path holds an empty name"),
        ("PUT /v1/registry/s", r#"{"port":1}"#, 405, "PUT is not possible here, but GET, HEAD"),
        ("GET /v1/registry/s/n", "", 405, "GET is not possible here, but PUT, DELETE"),
        ("GET /v1/registry/s/n/heartbeat", "", 405, "but POST"),
        ("DELETE /v1/registry/s/n", "", 404, "no node \\\"n\\\" of service \\\"s\\\" is registered"),
        ("GET /v1/registry?x=1", "", 400, "this request takes no parameters"),
        ("GET /v1/registryx", "", 404, "there is nothing at /v1/registryx"),
        ("GET /", "", 404, "the paths are /v1/registry"),
        ("GET /v1/registry/s/n/x", "", 404, "there is nothing at"),
    ] {
        let (got, text) = server.ask(line, "", body).await;
        assert_eq!(got, status, "{line}: {text}");
        assert!(text.starts_with(r#"{"id":"go.micro.registry","code":"#) && text.contains(part), "{line}: {text}");
    }
    let (head, _) = server.ask_whole("POST /v1/registry", "", "").await;
    assert!(head.contains("allow: get, head") && head.contains("content-type: application/json"), "{head}");
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let server = Server::start().await;
    let body = format!(r#"{{"port":1,"metadata":{{"k":"{}"}}}}"#, "x".repeat(super::BODY_BYTES_MAX));
    let (status, text) = server.ask("PUT /v1/registry/s/n", "expect: 100-continue\r\n", "").await;
    assert_eq!(status, 400, "{text}");
    let mut stream = server.connect().await;
    let head = format!("PUT /v1/registry/s/n HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("is sent");
    check_status(&mut stream, "413").await;
    let mut stream = server.connect().await;
    let head = "PUT /v1/registry/s/n HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{:x}\r\n{body}\r\n", body.len());
    stream.write_all(chunked.as_bytes()).await.expect("is sent");
    check_status(&mut stream, "413").await;
    assert!(server.registry.list().await.expect("lists").is_empty());
}

async fn check_status(stream: &mut TcpStream, status: &str) {
    let mut answer = vec![0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("is answered").expect("is read");
    assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"));
}

#[tokio::test]
async fn web_pages_are_refused_before_anything_happens() {
    let server = Server::start().await;
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: http://localhost:3000\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        "host: localhost\r\nsec-fetch-site: same-site\r\n",
    ] {
        let (status, body) = server.ask("PUT /v1/registry/s/n", headers, r#"{"port":1}"#).await;
        assert_eq!(status, 403, "{body}");
        assert!(body.starts_with(r#"{"id":"go.micro.registry","code":403,"#), "{body}");
    }
    assert!(server.registry.list().await.expect("lists").is_empty());
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_the_listener() {
    let mut server = Server::start().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /v1/registry HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("is sent");
    check_status(&mut idle, "200").await;
    server.shutdown.cancel();
    timeout(PATIENCE, server.task.join_next()).await.expect("ends").expect("one task").expect("without a panic");
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest)).await.expect("ends").expect("is closed");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn whole_records_are_registered_as_in_micro_v1() {
    let server = Server::start().await;
    let record = r#"{"name":"ns/s","version":"1","nodes":[{"id":"s-1","address":"127.0.0.1:9","metadata":null}]}"#;
    let stored = concat!(
        r#"[{"name":"ns/s","version":"1","metadata":null,"endpoints":null,"#,
        r#""nodes":[{"id":"s-1","address":"127.0.0.1:9","metadata":null}]}]"#
    );
    server.check("POST /registry?ttl=1m", record, 200, "").await;
    server.check("GET /registry", "", 200, stored).await;
    server.check("GET /registry?service=ns%2Fs", "", 200, stored).await;
    server.check("DELETE /registry", record, 200, "").await;
    server.check("DELETE /registry", record, 200, "").await;
    server.check("GET /registry?service=ns%2Fs", "", 404, "Service not found\n").await;
    for (line, body, status, part) in [
        ("POST /registry", "{", 400, "the body is not a service: EOF"),
        ("POST /registry", r#"{"name":"s"}"#, 400, "the list of nodes is empty"),
        ("POST /registry?ttl=1", record, 400, "expected a duration such as 30s"),
        ("GET /registry?name=s", "", 400, "the only one is `service`"),
        ("PUT /registry", record, 405, "but GET, HEAD, POST, DELETE"),
    ] {
        let (got, text) = server.ask(line, "", body).await;
        assert!(got == status && text.contains(part), "{line}: {got} {text}");
    }
}
