//! MUCP against what was recorded of go-micro: the bytes themselves, our server, our client.

#[path = "support/peer.rs"]
mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mesh_rpc::client::Target;
use mesh_rpc::mucp::envelope::{self, Envelope};
use mesh_rpc::mucp::frame::{Decoder, Limits, Side, Start, encode_request, encode_response};
use mesh_rpc::mucp::{ContentType, Message, MucpClient};
use mesh_rpc::server::{Event, Subscriber};
use mesh_rpc::{RpcError, Server};
use peer::{Say, Test};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the recorded peer listened.
const RECORDED_HOST: &str = "127.0.0.1:33301";

const GREETER: &str = "go.micro.srv.greeter";

/// Answers that are different here, each with its reason.
const DIFFERENT: [(&str, &str); 8] = [
    ("mucp.stream.protobuf", "Go cannot send the end of such a stream (D-01), and overwrote its messages (D-43)"),
    ("mucp.stream.json", "Go overwrote its messages (D-43), and writes 64 bits as numbers"),
    ("mucp.stream.json-rpc", "likewise"),
    ("mucp.stream.fail", "likewise"),
    ("mucp.server.charset", "parameters of a content type are left out (D-35)"),
    ("mucp.server.bad-json", "the text is that of another decoder"),
    ("mucp.server.stream-eos", "the end is told also to a client that ended its own side"),
    ("mucp.server.topic", "subscribers are those of a test of its own"),
];

struct Vector {
    id: String,
    client: Bytes,
    server: Bytes,
}

fn vectors() -> Vec<Vector> {
    let bytes = |value: &Value| STANDARD.decode(value.as_str().expect("is a string")).expect("is base64").into();
    let lines = include_str!("data/mucp.jsonl").lines();
    let parsed = lines.map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    let vectors: Vec<Vector> = parsed
        .map(|vector| Vector {
            id: vector["id"].as_str().expect("is a string").to_owned(),
            client: bytes(&vector["client_bytes"]),
            server: bytes(&vector["server_bytes"]),
        })
        .collect();
    assert!(vectors.len() > 25);
    vectors
}

/// Cuts bytes into messages; the last one may be incomplete where the recording was.
fn messages(side: Side, bytes: &[u8]) -> (Vec<Message>, bool) {
    let mut decoder = Decoder::new(side, Limits::default());
    decoder.push(bytes);
    let mut messages = Vec::new();
    while let Some((start, message)) = decoder.next().expect("is a message") {
        match start {
            Start::Request { method } => assert_eq!(method, "POST"),
            Start::Response { status, .. } => assert_eq!(status, 200),
        }
        messages.push(message);
    }
    (messages, decoder.is_between_messages())
}

#[test]
fn what_go_sent_is_read_and_written_again() {
    for Vector { id, client, server } in vectors() {
        let (requests, is_whole) = messages(Side::Service, &client);
        assert!(is_whole && !requests.is_empty(), "{id}");
        // Requests of `mucp.server` were made by hand.
        if !id.starts_with("mucp.server.") {
            let again: Vec<u8> = requests.iter().flat_map(|message| encode_request(RECORDED_HOST, message)).collect();
            assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&client), "{id}");
        }
        let (responses, is_whole) = messages(Side::Client, &server);
        assert!((is_whole || id == "mucp.stream.json-rpc") && !responses.is_empty(), "{id}");
        let again: Vec<u8> = responses.iter().flat_map(encode_response).collect();
        assert!(server.starts_with(&again), "{id}: {}", String::from_utf8_lossy(&again));
        assert!(!is_whole || again.len() == server.len(), "{id}");
    }
}

#[test]
fn envelopes_are_read_and_written_again() {
    let mut seen = 0;
    for Vector { id, client, server } in vectors() {
        let content = match id.as_str() {
            "mucp.error.proto-rpc" | "mucp.server.no-micro-headers.proto" => ContentType::ProtoRpc,
            "mucp.server.no-micro-headers.json" => ContentType::JsonRpc,
            _ => continue,
        };
        seen += 1;
        let (requests, _) = messages(Side::Service, &client);
        let read = envelope::decode_request(content, &requests[0].body).expect("is an envelope");
        assert_eq!(envelope::encode_request(content, &read).expect("is written"), requests[0].body, "{id}");
        let (responses, _) = messages(Side::Client, &server);
        let mut read = envelope::decode_response(content, &responses[0].body).expect("is an envelope");
        if !read.error.is_empty() {
            assert_eq!(read.id, "0");
            read = Envelope { id: String::new(), ..read };
        }
        assert_eq!(envelope::encode_response(content, &read).expect("is written"), responses[0].body, "{id}");
    }
    assert_eq!(seen, 3);
}

#[derive(Debug)]
struct Events;

#[async_trait]
impl Subscriber for Events {
    async fn receive(&self, event: Event) -> Result<(), RpcError> {
        assert_eq!((event.topic.as_str(), event.content_type.as_str()), ("test.events", "application/json"));
        if event.body == br#"{"name":"fail"}"#[..] {
            return Err(RpcError::bad_request("test.subscriber", "told to fail"));
        }
        Ok(())
    }
}

async fn serve(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let server = Server::new().with("Say", Say).with("Test", Test).with_mucp().with_subscriber(Events);
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    address
}

/// Sends bytes and reads as many messages as come back, or none when the connection is closed.
async fn send(address: SocketAddr, bytes: &[u8], count: usize) -> Vec<(Start, Message)> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(bytes).await.expect("is sent");
    let mut decoder = Decoder::new(Side::Client, Limits::default());
    let mut answers = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while answers.len() < count {
            if let Some(answer) = decoder.next().expect("is a message") {
                answers.push(answer);
                continue;
            }
            match stream.read(&mut buffer).await.expect("is read") {
                0 => break,
                read => decoder.push(&buffer[..read]),
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("is answered in time");
    answers
}

#[tokio::test]
async fn recorded_requests_are_answered_as_go_did() {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    let mut made = 0;
    for Vector { id, client, server } in vectors() {
        if DIFFERENT.iter().any(|(different, _)| *different == id) {
            continue;
        }
        let (expected, _) = messages(Side::Client, &server);
        let mut answers: Vec<Message> =
            send(address, &client, expected.len()).await.into_iter().map(|(_, message)| message).collect();
        // Answers to what was sent at once may come in any order.
        answers.sort_by(|a, b| a.headers.get("Micro-Id").cmp(b.headers.get("Micro-Id")));
        assert_eq!(answers.len(), expected.len(), "{id}");
        for (answer, expected) in answers.iter().zip(&expected) {
            compare(&id, answer, expected);
        }
        made += 1;
    }
    assert!(made > 20, "only {made} requests were made");
}

#[track_caller]
fn compare(id: &str, answer: &Message, expected: &Message) {
    // Fields of a message in protobuf may come in any order; JSON bodies too.
    let body = |message: &Message| serde_json::from_slice::<Value>(&message.body).map_err(|_| message.body.clone());
    assert_eq!(body(answer), body(expected), "{id}");
    for name in ["Micro-Error", "Content-Type", "Grpc-Status"] {
        assert_eq!(answer.headers.get(name), expected.headers.get(name), "{id} {name}");
    }
    // Nothing of the request comes back but what names the call.
    for (name, _) in answer.headers.iter() {
        let own =
            name.trim_start_matches("X-").starts_with("Micro-") || name == "Content-Type" || name.starts_with("Grpc-");
        assert!(own, "{id}: {name} is echoed");
    }
}

#[tokio::test]
async fn streams_are_served_with_their_end_in_every_content_type() {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await.to_string();
    for content in
        [ContentType::Proto, ContentType::Json, ContentType::JsonRpc, ContentType::ProtoRpc, ContentType::GrpcJson]
    {
        let client = MucpClient::new(address.as_str());
        let target = |endpoint| Target { timeout: PATIENCE, ..Target::new(GREETER, endpoint) };
        let mut stream = client.stream(&target("Test.Count"), content).await.expect("opens");
        stream.send(&peer::Number { count: 3 }).await.expect("is sent");
        for count in 0..3 {
            assert_eq!(stream.receive().await.expect("is received"), Some(peer::Number { count }), "{content:?}");
        }
        assert_eq!(stream.receive_bytes().await, Ok(None), "{content:?}");
        let mut stream = client.stream(&target("Test.CountFail"), content).await.expect("opens");
        stream.send(&peer::Number { count: 1 }).await.expect("is sent");
        assert!(stream.receive_bytes().await.expect("is received").is_some());
        let error = stream.receive_bytes().await.expect_err("fails");
        assert_eq!(error, RpcError::new("test.count", 418, "enough"), "{content:?}");
        assert_eq!(stream.receive_bytes().await, Err(error));
        let mut chat = client.stream(&target("Test.Chat"), content).await.expect("opens");
        for name in ["one", "two"] {
            chat.send(&proto::greeter::Request { name: name.to_owned() }).await.expect("is sent");
            let said: proto::greeter::Response = chat.receive().await.expect("is received").expect("is there");
            assert_eq!(said.msg, format!("you said {name}"));
        }
        chat.close_send().await.expect("is sent");
        assert_eq!(chat.receive_bytes().await, Ok(None), "{content:?}");
        let error = chat.send_bytes(b"{}").await.expect_err("is closed");
        assert_eq!(error.detail, "the stream is closed for sending");
    }
}

#[tokio::test]
async fn errors_reach_the_client_in_every_content_type() {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await.to_string();
    for content in
        [ContentType::Proto, ContentType::Json, ContentType::JsonRpc, ContentType::ProtoRpc, ContentType::GrpcProto]
    {
        let client = MucpClient::new(address.as_str());
        let target = |endpoint| Target { timeout: PATIENCE, ..Target::new(GREETER, endpoint) };
        let error = client.call_bytes(&target("Nope.Hello"), content, b"").await.expect_err("fails");
        assert_eq!((error.code, error.detail.as_str()), (0, "rpc: can't find service Nope"), "{content:?}");
        let error = client.call_bytes(&target("Say.Nope"), content, b"").await.expect_err("fails");
        assert_eq!((error.code, error.detail.as_str()), (0, "rpc: can't find method Nope"), "{content:?}");
        let request =
            peer::FailRequest { id: "my.id".to_owned(), code: 404, detail: "x".repeat(20_000), ..Default::default() };
        let failed = client.call::<_, peer::Number>(&target("Test.Fail"), content, &request).await;
        assert_eq!(failed.expect_err("fails"), RpcError::not_found("my.id", "x".repeat(20_000)), "{content:?}");
        let named = proto::greeter::Request { name: "John".to_owned() };
        let said: proto::greeter::Response =
            client.call(&target("Say.Hello"), content, &named).await.expect("is answered");
        assert_eq!(said.msg, "Hello John");
    }
}

#[tokio::test]
async fn events_reach_the_subscriber() {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    for id in ["mucp.server.topic", "mucp.server.topic-fail"] {
        let vector = vectors().into_iter().find(|vector| vector.id == id).expect("is recorded");
        let answers = send(address, &vector.client, 1).await;
        let (expected, _) = messages(Side::Client, &vector.server);
        assert_eq!(answers[0].1, expected[0], "{id}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            403,
        ),
        (
            "POST / HTTP/1.1\r\nHost: evil.example:1\r\nOrigin: http://evil.example:1\r\nMicro-Endpoint: Say.Hello\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            403,
        ),
        (
            "POST / HTTP/1.1\r\nHost: 10.0.0.1:1\r\nOrigin: http://shop.example\r\nMicro-Endpoint: Say.Hello\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            200,
        ),
    ] {
        let answers = send(address, request.as_bytes(), 1).await;
        let Some((Start::Response { status, .. }, _)) = answers.first() else { panic!("{request} is not answered") };
        assert_eq!(*status, expected, "{request}");
    }
}

/// A service that says what was recorded, whatever is asked, once a message has arrived; returns what was asked.
async fn recorded_service(server: Bytes, after: usize) -> (String, JoinSet<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let mut decoder = Decoder::new(Side::Service, Limits::default());
        let (mut asked, mut buffer, mut count) = (Vec::new(), [0; 4096], 0);
        while count < after {
            let read = stream.read(&mut buffer).await.expect("is read");
            asked.extend_from_slice(&buffer[..read]);
            decoder.push(&buffer[..read]);
            while decoder.next().expect("is a message").is_some() {
                count += 1;
            }
        }
        stream.write_all(&server).await.expect("is sent");
        asked
    });
    (address, tasks)
}

#[tokio::test]
async fn our_calls_are_those_of_go_byte_for_byte() {
    for (id, content, endpoint, within, message) in [
        ("mucp.unary.protobuf", ContentType::Proto, "Say.Hello", 5_000, &b"\n\x04John"[..]),
        ("mucp.unary.json", ContentType::Json, "Say.Hello", 5_000, br#"{"name":"John"}"#),
        ("mucp.unary.grpc+json", ContentType::GrpcJson, "Say.Hello", 5_000, br#"{"name":"John"}"#),
        ("mucp.empty-proto", ContentType::Proto, "Say.Hello", 5_000, b""),
        ("mucp.error.json", ContentType::Json, "Test.Fail", 700, br#"{"id":"my.id","code":404,"detail":"not here"}"#),
        ("mucp.error.proto-rpc", ContentType::ProtoRpc, "Test.Fail", 700, b"\x12\x05my.id\x18\x94\x03\"\x08not here"),
        ("mucp.unknown-handler", ContentType::Json, "Nope.Hello", 5_000, b"{}"),
    ] {
        let vector = vectors().into_iter().find(|vector| vector.id == id).expect("is recorded");
        let (address, mut service) = recorded_service(vector.server.clone(), 1).await;
        let client = MucpClient::new(address.as_str());
        let target = Target { timeout: Duration::from_millis(within), ..Target::new(GREETER, endpoint) };
        let answer = client.call_bytes(&target, content, message).await;
        let asked = service.join_next().await.expect("was asked").expect("did not panic");
        let asked = String::from_utf8_lossy(&asked).replace(&address, RECORDED_HOST);
        assert_eq!(asked, String::from_utf8_lossy(&vector.client), "{id}");
        let (expected, _) = messages(Side::Client, &vector.server);
        match expected[0].headers.get("Micro-Error") {
            "" => {
                let told = envelope::decode_response(content, &expected[0].body).expect("is read").message;
                assert_eq!(answer.expect("is answered"), told, "{id}");
            }
            error => assert_eq!(answer.expect_err("fails"), RpcError::parse(error), "{id}"),
        }
    }
}

#[tokio::test]
async fn recorded_streams_are_read_and_what_go_overwrote_is_left_out() {
    let vector = |id: &str| vectors().into_iter().find(|vector| vector.id == id).expect("is recorded");
    for (id, content, count, expected) in [
        ("mucp.stream.json", ContentType::Json, 2, vec!["{}\n", "{\"count\":1}\n"]),
        ("mucp.stream.json-rpc", ContentType::JsonRpc, 2, vec![]),
        ("mucp.stream.protobuf", ContentType::Proto, 2, vec!["", "\u{8}\u{1}"]),
        ("mucp.stream.fail", ContentType::Json, 1, vec!["{}\n"]),
    ] {
        let Vector { client: recorded, server, .. } = vector(id);
        let (address, mut service) = recorded_service(server, 3 - usize::from(id == "mucp.stream.protobuf")).await;
        let client = MucpClient::new(address.as_str());
        let endpoint = if id == "mucp.stream.fail" { "Test.CountFail" } else { "Test.Count" };
        let target = Target { timeout: PATIENCE, ..Target::new(GREETER, endpoint) };
        let mut stream = client.stream(&target, content).await.expect("opens");
        let message = match content {
            ContentType::Proto => vec![8, count],
            _ => format!("{{\"count\":{count}}}").into_bytes(),
        };
        stream.send_bytes(&message).await.expect("is sent");
        if content != ContentType::Proto {
            stream.close_send().await.expect("is sent");
        }
        let mut received = Vec::new();
        let end = loop {
            match stream.receive_bytes().await {
                Ok(Some(message)) => received.push(String::from_utf8(message.to_vec()).expect("is text")),
                Ok(None) => break None,
                Err(error) => break Some(error.code),
            }
        };
        assert_eq!(received, expected, "{id}");
        let asked = service.join_next().await.expect("was asked").expect("did not panic");
        // The recording of json-rpc stops in a message; in protobuf Go cannot send an end: what ends it is the
        // connection.
        let told = match id {
            "mucp.stream.fail" => Some(418),
            "mucp.stream.json" => None,
            _ => Some(500),
        };
        assert_eq!(end, told, "{id}");
        let asked = String::from_utf8_lossy(&asked).replace(&address, RECORDED_HOST);
        assert_eq!(asked, String::from_utf8_lossy(&recorded), "{id}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_a_timeout() {
    let (address, _service) = recorded_service(Bytes::new(), usize::MAX).await;
    let client = MucpClient::new(address.as_str());
    let target = Target { timeout: Duration::from_millis(50), ..Target::new(GREETER, "Test.Fail") };
    let error = client.call_bytes(&target, ContentType::Proto, b"").await.expect_err("nobody answers");
    assert_eq!(error, RpcError::timeout("go.micro.client", "call timeout: context deadline exceeded"));
}

#[tokio::test]
async fn statuses_and_closed_connections_are_errors_of_the_transport() {
    for (server, detail) in [
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\noops\n", "502 Bad Gateway: oops"),
        ("", "EOF"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\noo", "unexpected EOF"),
    ] {
        let (address, _service) = recorded_service(Bytes::from_static(server.as_bytes()), 1).await;
        let client = MucpClient::new(address.as_str());
        let target = Target { timeout: PATIENCE, ..Target::new(GREETER, "Say.Hello") };
        let error = client.call_bytes(&target, ContentType::Proto, b"").await.expect_err("fails");
        assert_eq!(error, RpcError::internal("go.micro.client.transport", detail));
    }
    let nobody = MucpClient::new("127.0.0.1:1");
    let error =
        nobody.call_bytes(&Target::new(GREETER, "Say.Hello"), ContentType::Proto, b"").await.expect_err("fails");
    assert!(error.detail.starts_with("connection error: dial tcp 127.0.0.1:1: "), "{error}");
}
