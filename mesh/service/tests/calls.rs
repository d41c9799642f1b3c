//! What callers get of programs of each kind, over real sockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mesh::Identity;
use mesh_rpc::client::Target;
use mesh_rpc::{Call, Client, Codec, Handler, RpcError, Server, Status};
use mesh_service::{Wrapped, run};
use proto::greeter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service in front of something, and a client of it.
struct Front {
    address: SocketAddr,
    client: Client,
    _tasks: JoinSet<()>,
}

impl Front {
    async fn of(endpoint: &str, mut tasks: JoinSet<()>) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let wrapped = Wrapped {
            identity: Identity::new("front"),
            listener,
            endpoint: endpoint.parse().expect("is an endpoint"),
            command: Vec::new(),
            restart: false,
        };
        tasks.spawn(async { drop(run(wrapped, watch::channel(Vec::new()).1, CancellationToken::new()).await) });
        let client = Client::connect(&address.to_string(), PATIENCE).await.expect("connects");
        Front { address, client, _tasks: tasks }
    }

    /// In front of an HTTP server, below its path `/base`.
    async fn web() -> Front {
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        tasks.spawn(serve(listener));
        Front::of(&format!("http://{address}/base/"), tasks).await
    }

    async fn call(
        &self,
        endpoint: &str,
        metadata: &[(&'static str, &'static str)],
        body: &str,
    ) -> Result<String, RpcError> {
        let pairs =
            metadata.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let metadata: HeaderMap = pairs.collect();
        let target = Target { timeout: PATIENCE, metadata, ..Target::new("front", endpoint) };
        let answer = self.client.call_bytes(target, Codec::Json, body.as_bytes()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("is read");
        answer
    }
}

async fn serve(listener: TcpListener) {
    let mut tasks = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("accepts");
        tasks.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(back)));
    }
}

/// The program: says what it was asked, or does what the path says.
async fn back(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let said = |status: u16, kind: &'static str, text: &str| {
        let mut answer = Response::new(Full::from(text.to_owned()));
        *answer.status_mut() = StatusCode::from_u16(status).expect("is one");
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer
    };
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/base/gone" => said(404, "text/plain", "gone\n"),
        "/base/object" => said(409, "text/plain", r#"{"id":"me","code":418,"detail":"tea","status":"x"}"#),
        "/base/large" => said(200, "text/plain", &"x".repeat(5 << 20)),
        "/base/events" => said(200, "text/event-stream", "data: 1\n\ndata: 2\n\n"),
        "/base/moved" | "/base/away" => {
            let to = if path == "/base/moved" { "/base/new?a" } else { "http://203.0.113.1/" };
            let mut answer = said(302, "text/plain", "");
            answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
            answer
        }
        _ => {
            let head = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
            let query = request.uri().query().unwrap_or("-");
            let heads = [CONTENT_TYPE.as_str(), "micro-endpoint", "x-mine", "accept"].map(head).join(" ");
            let is_back = head(HOST.as_str()) != "front.example";
            let told = format!("{} {path} {query} {heads} {is_back} ", request.method());
            let body = request.into_body().collect().await.expect("is read").to_bytes();
            said(200, "text/plain", &format!("{told}{}", String::from_utf8_lossy(&body)))
        }
    })
}

#[tokio::test]
async fn an_endpoint_is_a_path_the_base_or_a_method() {
    let front = Front::web().await;
    let check = async |endpoint: &str, metadata: &[_], body: &str, expected: &str| {
        assert_eq!(front.call(endpoint, metadata, body).await.expect(endpoint), expected, "{endpoint}");
    };
    check("/", &[], "{}", "GET /base/ - - - - */* true ").await;
    check(".", &[], "{}", "GET /base/ - - - - */* true ").await;
    check("/a/b?c=d", &[], "", "GET /base/a/b c=d - - - */* true ").await;
    check("/a", &[], r#"{"x":1}"#, r#"POST /base/a - application/json - - */* true {"x":1}"#).await;
    check("Foo.Bar", &[], "{}", "POST /base/ - application/json Foo.Bar - */* true {}").await;
    let asked = [("micro-method", "PUT"), ("micro-endpoint", "/x"), ("x-mine", "yes")];
    check("Foo.Bar", &asked, "{}", "PUT /base/x - application/json /x yes */* true {}").await;
    check("/moved", &[], r#"{"x":1}"#, "GET /base/new a - - - */* true ").await;
}

#[tokio::test]
async fn what_the_program_refuses_is_an_error_with_its_code() {
    let front = Front::web().await;
    let check = async |endpoint: &str, expected: RpcError| {
        assert_eq!(front.call(endpoint, &[], "{}").await.expect_err(endpoint), expected);
    };
    check("/gone", RpcError::not_found("front", "gone")).await;
    let tea = RpcError { status: "x".into(), ..RpcError::new("me", 418, "tea") };
    check("/object", tea).await;
    for (endpoint, code) in [("/large", 413), ("/away", 502), ("/../x", 403), ("/%2e%2e/x", 403)] {
        assert_eq!(front.call(endpoint, &[], "{}").await.expect_err(endpoint).code, code, "{endpoint}");
    }
    assert!(front.call("/x", &[], "").await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn events_are_messages_of_a_stream() {
    let front = Front::web().await;
    let mut opened = front.client.stream(&Target { timeout: PATIENCE, ..Target::new("front", "/events") }, Codec::Json);
    let stream = opened.as_mut().expect("is opened");
    stream.send_bytes(b"{}").await.expect("is sent");
    for expected in ["1", "2"] {
        assert_eq!(stream.receive_bytes().await.expect("is no error").expect("is a message"), expected);
    }
    // It is still open: the next message is asked for anew.
    stream.send_bytes(b"{}").await.expect("is sent");
    assert_eq!(stream.receive_bytes().await.expect("is no error").expect("is a message"), "1");
}

#[tokio::test]
async fn nobody_there_is_503() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("has an address");
    for kind in ["http", "grpc"] {
        let front = Front::of(&format!("{kind}://{free}"), JoinSet::new()).await;
        let error = front.call("Say.Hello", &[], "{}").await.expect_err("nobody listens");
        assert_eq!((error.id.as_ref(), error.code), ("front", 503), "{error}");
        assert!(error.detail.starts_with("the program behind the service cannot be reached: "), "{error}");
    }
}

#[tokio::test]
async fn plain_http_is_passed_through() {
    let front = Front::web().await;
    let request = "POST /a?b HTTP/1.1\r\nhost: front.example\r\nconnection: close, x-mine\r\nx-mine: no\r\n\
        content-length: 2\r\n\r\nhi";
    let answer = front.http(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("POST /base/a b - - - - true hi"), "{answer}");
    let answer = front.http("GET /gone HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n") && answer.ends_with("gone\n"), "{answer}");
    let answer = front.http("GET /%2e%2e/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[tokio::test]
async fn an_upgraded_connection_is_passed_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // The first connection is that of the service that looks whether somebody is there.
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
            if head.is_empty() {
                continue;
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            assert!(head.contains("upgrade: echo") && head.contains("connection: upgrade"), "{head}");
            let switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
            stream.write_all(switch).await.expect("is sent");
            let (mut reading, mut writing) = stream.split();
            drop(tokio::io::copy(&mut reading, &mut writing).await);
        }
    });
    let front = Front::of(&format!("http://{address}"), tasks).await;
    let mut stream = TcpStream::connect(front.address).await.expect("connects");
    let request = b"GET /socket HTTP/1.1\r\nhost: x\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
    stream.write_all(request).await.expect("is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.expect("is read") > 0, "{}", String::from_utf8_lossy(&head));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"ping").await.expect("is sent");
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.expect("is echoed");
    assert_eq!(&echo, b"ping");
}

#[tokio::test]
async fn files_are_answered_to_calls_and_to_browsers() {
    let folder = tempfile::tempdir().expect("is made");
    std::fs::write(folder.path().join("index.html"), "<p>hello").expect("is written");
    std::fs::write(folder.path().join("data.json"), "{\"a\":1}").expect("is written");
    let front = Front::of(&format!("file://{}", folder.path().display()), JoinSet::new()).await;
    for (endpoint, expected) in
        [(".", "<p>hello"), ("/", "<p>hello"), ("/data.json", r#"{"a":1}"#), ("A.B", "<p>hello")]
    {
        assert_eq!(front.call(endpoint, &[], "{}").await.expect(endpoint), expected);
    }
    let asked = [("micro-endpoint", "/../../etc/passwd")];
    assert_eq!(front.call("A.B", &asked, "{}").await.expect_err("is outside").code, 403);
    let answer =
        front.http("GET /data.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.to_ascii_lowercase();
    assert!(answer.contains("content-type: application/json\r\n") && answer.ends_with("{\"a\":1}"), "{answer}");
    let answer = front.http("DELETE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("allow: get, head\r\n"), "{answer}");
}

#[tokio::test]
async fn a_program_is_run_by_calls_only() {
    let front = Front::of("exec:///bin/cat", JoinSet::new()).await;
    assert_eq!(front.call(".", &[], r#"{"a":1}"#).await.expect("runs"), r#"{"a":1}"#);
    let answer = front.http("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    let error = front.call(".", &[], r#"{"args":["/nowhere"]}"#).await.expect_err("fails");
    assert_eq!((error.id.as_ref(), error.code), ("front", 500));
    assert!(error.detail.starts_with("exit status 1: ") && error.detail.contains("/nowhere"), "{error}");
    let health = front.call("Debug.Health", &[], "{}").await.expect("is answered");
    assert_eq!(health, r#"{"status":"ok"}"#);
}

#[derive(Debug)]
struct Say;

#[async_trait::async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        while let Some(request) = call.receive::<greeter::Request>().await? {
            if request.name.is_empty() {
                return Err(RpcError::conflict("say", "no name").to_grpc());
            }
            let from = call.metadata().get("x-mine").unwrap_or("nobody");
            let msg = format!("Hello {} of {from} by {}", request.name, call.service());
            call.send(&greeter::Response { msg }).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn grpc_passes_unchanged() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(Server::new().with("Say", Say).serve(listener, CancellationToken::new()));
    let front = Front::of(&format!("grpc://{address}"), tasks).await;
    let answer = front.call("Say.Hello", &[("x-mine", "me")], r#"{"name":"John"}"#).await.expect("is answered");
    assert_eq!(answer, r#"{"msg":"Hello John of me by front"}"#);
    let error = front.call("Say.Hello", &[], "{}").await.expect_err("is refused");
    assert_eq!(error, RpcError::conflict("say", "no name"));
    assert_eq!(front.call("Debug.Health", &[], "{}").await.expect("is answered"), r#"{"status":"ok"}"#);
    assert_eq!(front.call("No.Such", &[], "{}").await.expect_err("is none").code, 404);
}

#[tokio::test]
async fn mucp_is_called_over_mucp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(Server::new().with_mucp().with("Say", Say).serve(listener, CancellationToken::new()));
    let front = Front::of(&address.to_string(), tasks).await;
    let answer = front.call("Say.Hello", &[("x-mine", "me")], r#"{"name":"John"}"#).await.expect("is answered");
    assert_eq!(answer, r#"{"msg":"Hello John of me by front"}"#);
    assert_eq!(front.call("Say.Hello", &[], "{}").await.expect_err("is refused"), RpcError::conflict("say", "no name"));
    assert_eq!(front.call("Debug.Health", &[], "{}").await.expect("is answered"), r#"{"status":"ok"}"#);
}
