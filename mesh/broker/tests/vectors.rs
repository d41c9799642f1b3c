//! What Go peers sent, read and written again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mesh_broker::{Header, Message, envelope};
use mesh_rpc::frame;
use prost::Message as _;
use proto::broker as wire;
use serde_json::Value;

/// The vectors of these kinds.
fn vectors(kinds: &[&str]) -> Vec<Value> {
    let lines = include_str!("data/broker.jsonl").lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).expect("is JSON"));
    let found: Vec<Value> = all.filter(|vector| kinds.iter().any(|kind| vector["kind"] == *kind)).collect();
    assert!(!found.is_empty(), "{kinds:?}");
    found
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("is a string")).expect("is base64")
}

fn header(value: &Value) -> Header {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), value.as_str().expect("is a string").to_owned())).collect()
}

fn message(header_of: &Value, body: &Value) -> Message {
    Message { header: header(header_of), body: Bytes::from(bytes(body)) }
}

/// The body of an HTTP message.
fn body(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("has a head");
    &bytes[end + 4..]
}

#[test]
fn deliveries_over_http_read_and_write_as_in_go() {
    for vector in vectors(&["http-broker-post"]) {
        let request = bytes(&vector["bytes"]);
        let sent = body(&request);
        let read = envelope::decode(sent).expect("is one");
        assert_eq!(read, message(&vector["envelope"]["Header"], &vector["body"]), "{}", vector["id"]);
        assert_eq!(envelope::encode(&read), sent, "{}", vector["id"]);
    }
}

#[test]
fn messages_of_nats_read_and_write_as_in_go() {
    for vector in vectors(&["nats-message"]) {
        let sent = bytes(&vector["payload"]);
        let read = envelope::decode(&sent).expect("is one");
        assert_eq!(read, message(&vector["envelope"]["Header"], &vector["envelope"]["Body"]), "{}", vector["id"]);
        assert_eq!(envelope::encode(&read), sent, "{}", vector["id"]);
    }
}

#[test]
fn envelopes_read_and_write_as_in_go() {
    for vector in vectors(&["broker-envelope"]) {
        let sent = bytes(&vector["bytes"]);
        let read = envelope::decode(&sent).expect("is one");
        assert_eq!(read, message(&vector["header"], &vector["body"]), "{}", vector["id"]);
        // Go tells nil from empty when it writes and not when it reads; what is empty is written as what is not nil.
        let is_nil = |name: &str| vector[name] == true;
        let text = String::from_utf8(sent).expect("is text");
        let text = if is_nil("nil_header") { text.replace("\"Header\":null", "\"Header\":{}") } else { text };
        let text = if is_nil("nil_body") { text.replace("\"Body\":null", "\"Body\":\"\"") } else { text };
        assert_eq!(String::from_utf8(envelope::encode(&read)).expect("is text"), text, "{}", vector["id"]);
    }
}

#[test]
fn what_a_go_member_refuses_is_refused_in_its_words() {
    let mut refused = 0;
    for vector in vectors(&["http-broker-receive"]) {
        let request = bytes(&vector["request_bytes"]);
        let response = bytes(&vector["response_bytes"]);
        match envelope::decode(body(&request)) {
            Ok(_) => assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", vector["id"]),
            Err(error) => {
                let said: Value = serde_json::from_slice(body(&response)).expect("is an error object");
                assert_eq!(said["detail"], format!("Error parsing request body: {error}"), "{}", vector["id"]);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn calls_of_the_broker_service_read_and_write_as_in_go() {
    for vector in vectors(&["grpc-call"]) {
        let headers = vector["request"]["headers"].as_array().expect("is a list");
        let path = headers.iter().find(|pair| pair[0] == ":path").expect("has a path")[1].clone();
        let sent = bytes(&vector["request"]["messages"][0]["message"]);
        match path.as_str().expect("is text") {
            "/go.micro.broker.Broker/Publish" => {
                let read = wire::PublishRequest::decode(sent.as_slice()).expect("is one");
                let message = read.message.as_ref().expect("is there");
                assert_eq!(message.header["Micro-Topic"], read.topic);
                // The entries of Go's maps come in any order.
                assert_eq!(wire::PublishRequest::decode(read.encode_to_vec().as_slice()), Ok(read.clone()));
                assert_eq!(read.encode_to_vec().len(), sent.len(), "{}", vector["id"]);
            }
            "/go.micro.broker.Broker/Subscribe" => {
                let read = wire::SubscribeRequest::decode(sent.as_slice()).expect("is one");
                assert_eq!(read.encode_to_vec(), sent, "{}", vector["id"]);
            }
            other => panic!("{other}"),
        }
        for answer in vector["response"]["messages"].as_array().expect("is a list") {
            assert_eq!(bytes(&answer["message"]), wire::Empty {}.encode_to_vec(), "{}", vector["id"]);
        }
    }
    // spec/wire G-11.
    let request = wire::PublishRequest {
        topic: "t".to_owned(),
        message: Some(wire::Message {
            header: [("Content-Type".to_owned(), "application/json".to_owned())].into(),
            body: Bytes::from_static(b"{\"name\":\"John\"}"),
        }),
    };
    let hex: Vec<String> = request.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex.concat(),
        "0a017412330a200a0c436f6e74656e742d5479706512106170706c69636174696f6e2f6a736f6e120f7b226e616d65223a224a6f686e227d"
    );
    assert_eq!(frame::encode(&request.encode_to_vec()).len(), request.encoded_len() + 5);
}
