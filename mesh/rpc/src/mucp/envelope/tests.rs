use super::{Bytes, ContentType, Envelope, decode_request, decode_response, encode_request, encode_response};

fn envelope(id: &str, method: &str, error: &str, message: &'static [u8]) -> Envelope {
    let (id, method, error) = (id.to_owned(), method.to_owned(), error.to_owned());
    Envelope { id, method, error, message: Bytes::from_static(message) }
}

#[track_caller]
fn check_request(content: ContentType, envelope: &Envelope, body: &[u8]) {
    assert_eq!(encode_request(content, envelope).expect("is written"), body);
    assert_eq!(&decode_request(content, &Bytes::copy_from_slice(body)).expect("is read"), envelope);
}

#[track_caller]
fn check_response(content: ContentType, envelope: &Envelope, body: &[u8]) {
    assert_eq!(encode_response(content, envelope).expect("is written"), body);
    assert_eq!(&decode_response(content, &Bytes::copy_from_slice(body)).expect("is read"), envelope);
}

#[test]
fn json_rpc_is_written_as_go_writes_it() {
    let content = ContentType::JsonRpc;
    let request = envelope("0", "Say.Hello", "", br#"{"name":"John"}"#);
    let body = b"{\"method\":\"Say.Hello\",\"params\":[{\"name\":\"John\"}],\"id\":\"0\"}\n";
    assert_eq!(body.len(), 59);
    check_request(content, &request, body);
    let response = envelope("0", "", "", br#"{"msg":"Hello John"}"#);
    check_response(content, &response, b"{\"id\":\"0\",\"result\":{\"msg\":\"Hello John\"},\"error\":null}\n");
    let failed = envelope("", "", "a<b", b"");
    check_response(content, &failed, b"{\"id\":\"\",\"result\":null,\"error\":\"a\\u003cb\"}\n");
}

#[test]
fn proto_rpc_is_written_as_go_writes_it() {
    let content = ContentType::ProtoRpc;
    let body = b"\0\0\0\x0b\x0a\x09Say.Hello\0\0\0\x06\x0a\x04John";
    check_request(content, &envelope("0", "Say.Hello", "", b"\x0a\x04John"), body);
    let body = b"\0\0\0\x14\x0a\x09Say.Hello\x11\x07\0\0\0\0\0\0\0\0\0\0\x06\x0a\x04John";
    check_request(content, &envelope("7", "Say.Hello", "", b"\x0a\x04John"), body);
    check_response(content, &envelope("0", "", "boom", b""), b"\0\0\0\x06\x1a\x04boom\0\0\0\0");
}

#[test]
fn reading_json_rpc_is_liberal() {
    let body = Bytes::from_static(br#" {"ID":3,"Method":"A.B","x":1,"params":[ [1] ,2]} "#);
    let read = decode_request(ContentType::JsonRpc, &body).expect("is read");
    assert_eq!(read, envelope("3", "A.B", "", b"[1]"));
    for body in ["{\"id\":\"1\"}", "[]", "{", "7", "{\"params\":{}}"] {
        assert!(decode_request(ContentType::JsonRpc, &Bytes::from_static(body.as_bytes())).is_err(), "{body}");
    }
    let response = |body: &'static str| decode_response(ContentType::JsonRpc, &Bytes::from_static(body.as_bytes()));
    assert_eq!(response(r#"{"error":""}"#).expect("is read").error, "unspecified error");
    assert_eq!(response(r#"{"error":7}"#).expect_err("is refused").to_string(), "invalid error 7");
    // What a Go server makes of a stream message when it overwrites its buffer.
    assert!(response(r#"{"id":"","result":null,"error":"EOS""#).is_err());
}

#[test]
fn netstrings_do_not_reach_beyond_the_body() {
    for body in [&b"\0\0\0"[..], b"\0\0\0\x01", b"\xff\xff\xff\xff\0", b"\0\0\0\0", b"\0\0\0\0\0\0\0\x01"] {
        let body = Bytes::from_static(body);
        assert!(decode_request(ContentType::ProtoRpc, &body).is_err(), "{body:?}");
    }
}

#[test]
fn grpc_frames_and_bare_messages() {
    check_request(ContentType::GrpcProto, &envelope("", "", "", b"ab"), b"\0\0\0\0\x02ab");
    check_request(ContentType::Proto, &envelope("", "", "", b"ab"), b"ab");
    let json = encode_request(ContentType::Json, &envelope("", "", "", b"{}")).expect("is written");
    assert_eq!(json, "{}\n");
    assert!(encode_request(ContentType::JsonRpc, &envelope("", "", "", b"{")).is_err());
    assert!(decode_request(ContentType::GrpcJson, &Bytes::from_static(b"\0\0\0\0\x02a")).is_err());
}
