//! Recorded calls, made again: the server answers them as a go-micro service did.

#[path = "support/peer.rs"]
mod peer;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh_rpc::Server;
use mesh_rpc::frame::{self, Decoder};
use peer::{Headers, Say, Test};
use prost::Message;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls that are answered differently, each with its reason.
const DIFFERENT: [(&str, &str); 4] = [
    ("grpc.server.not-grpc", "415 instead of a reset, as the gRPC specification asks"),
    ("grpc.server.json-camel", "the handler here echoes bytes, it has no type to rename members"),
    ("grpc.server.json-unknown", "likewise"),
    ("grpc.server.bytes", "the text behind `failed to unmarshal` is checked by a test of its own"),
];

/// What came back, in the order of the wire.
#[derive(Debug, PartialEq)]
struct Answer {
    headers: Vec<(String, String)>,
    messages: Vec<Bytes>,
    trailers: Vec<(String, String)>,
}

async fn start(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let server = Server::new().with("Say", Say).with("Test", Test);
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    address
}

async fn call(address: SocketAddr, tasks: &mut JoinSet<()>, vector: &Value) -> Answer {
    let request = &vector["request"];
    let mut body = BytesMut::new();
    for message in request["messages"].as_array().expect("is a list") {
        frame::encode_into(&mut body, &bytes(message));
    }
    if vector["id"] == "grpc.server.truncated" {
        body.truncate(body.len() - 2);
        body[4] += 2;
    }
    let sent = stream::iter((!body.is_empty()).then(|| Ok::<_, Infallible>(Frame::data(body.freeze()))));
    let body = if request["half_closed"] == true { sent.boxed() } else { sent.chain(stream::pending()).boxed() };
    let stream = TcpStream::connect(address).await.expect("connects");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("shakes hands");
    tasks.spawn(async { drop(connection.await) });
    let request = head(&request["headers"]).body(StreamBody::new(body)).expect("is a request");
    let response = sender.send_request(request).await.expect("is answered");
    let headers = pairs(response.headers());
    let mut decoder = Decoder::default();
    let mut trailers = Vec::new();
    let mut messages = Vec::new();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        match frame.expect("the body goes on").into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => trailers = pairs(frame.trailers_ref().expect("are trailers")),
        }
        messages.extend(std::iter::from_fn(|| decoder.next().expect("is a message")));
    }
    Answer { headers, messages, trailers }
}

fn head(headers: &Value) -> http::request::Builder {
    let mut request = Request::post("http://localhost/");
    for pair in headers.as_array().expect("is a list") {
        let (name, value) = (pair[0].as_str().expect("is a name"), pair[1].as_str().expect("is a value"));
        match name {
            ":path" if value.starts_with("//") => {
                // hyper takes it for an authority; the split itself is checked beside it.
                request = request.uri(
                    http::Uri::builder()
                        .scheme("http")
                        .authority("x")
                        .path_and_query(value)
                        .build()
                        .expect("is a target"),
                );
            }
            ":path" => request = request.uri(format!("http://localhost{value}")),
            // A length is made anew; the rest of the pseudo-headers is fixed.
            name if name.starts_with(':') || name == "content-length" => {}
            name => request = request.header(name, value),
        }
    }
    request
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().expect("is ASCII").to_owned();
    headers.iter().map(|(name, value): (&HeaderName, _)| (name.as_str().to_owned(), text(value))).collect()
}

fn bytes(value: &Value) -> Bytes {
    STANDARD.decode(value.as_str().expect("is a string")).expect("is base64").into()
}

/// What was recorded, in the same form: Go's trailers-only answers are headers here.
fn recorded(vector: &Value) -> Answer {
    let response = &vector["response"];
    let listed = |name: &str| -> Vec<(String, String)> {
        let list: Vec<(String, String)> = serde_json::from_value(response[name].clone()).expect("are pairs");
        list.into_iter().filter(|(name, _)| name != ":status").collect()
    };
    let messages = response["messages"].as_array().expect("is a list").iter().map(bytes).collect();
    if response["trailers_only"] == true {
        return Answer { headers: listed("trailers"), messages, trailers: Vec::new() };
    }
    Answer { headers: listed("headers"), messages, trailers: listed("trailers") }
}

#[tokio::test]
async fn recorded_calls_are_answered_as_go_did() {
    let mut tasks = JoinSet::new();
    let address = start(&mut tasks).await;
    let mut made = 0;
    for line in include_str!("data/grpc.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        let id = vector["id"].as_str().expect("is a string");
        if DIFFERENT.iter().any(|(different, _)| *different == id) {
            continue;
        }
        let answer = timeout(PATIENCE, call(address, &mut tasks, &vector)).await.expect("is answered in time");
        compare(id, answer, recorded(&vector));
        made += 1;
    }
    assert!(made > 45, "only {made} calls were made");
}

#[track_caller]
fn compare(id: &str, mut answer: Answer, mut expected: Answer) {
    if id.contains("metadata") || id == "grpc.server.repeated-header" {
        // The values of a run, and what Go's wrappers add, are not compared.
        let kept = |message: &Bytes| -> BTreeMap<String, String> {
            let headers = serde_json::from_slice(message)
                .unwrap_or_else(|_| Headers::decode(message.as_ref()).expect("is JSON or protobuf"));
            let varying = [":Authority", "Remote", "User-Agent", "Content-Length"];
            let of_run = |key: &String| varying.contains(&key.as_str()) || key.starts_with("Micro-");
            headers.headers.into_iter().filter(|(key, _)| !of_run(key)).collect()
        };
        let (messages, recorded) = (std::mem::take(&mut answer.messages), std::mem::take(&mut expected.messages));
        assert_eq!(
            messages.iter().map(kept).collect::<Vec<_>>(),
            recorded.iter().map(kept).collect::<Vec<_>>(),
            "{id}"
        );
    }
    for (_, value) in answer.headers.iter_mut().chain(&mut expected.headers) {
        // What follows is the text of a decoder.
        if let Some((before, _)) =
            value.split_once("received message ").filter(|(before, _)| before.contains("unmarshal"))
        {
            *value = before.to_owned();
        }
    }
    answer.headers.sort();
    expected.headers.sort();
    assert_eq!(answer, expected, "{id}");
}
