//! The fuzz bodies: plain functions that take any bytes, replayed over a corpus and fed by proptest.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_rpc::frame::{self, Decoder, FrameError};
use mesh_rpc::metadata::{Metadata, is_forwarded, is_stripped_from_outside, title_case, to_wire};
use mesh_rpc::mucp::frame::{self as http1, Limits, Side, Start, encode_request, encode_response};
use mesh_rpc::mucp::{ContentType, Message, envelope};
use mesh_rpc::{Code, RpcError, Status, method, timeout};
use proptest::prelude::*;

const LIMIT: usize = 64;

/// Decodes the bytes in one chunk and in chunks of `step`: both must tell the same, and nothing above the limit.
fn fuzz_frames(bytes: &[u8], step: usize) {
    let whole = decode([bytes]);
    let parts = decode(bytes.chunks(step.max(1)));
    assert_eq!(whole, parts);
    let (messages, end) = whole;
    assert!(messages.iter().all(|message| message.len() <= LIMIT));
    let again: Vec<u8> = messages.iter().flat_map(|message| frame::encode(message)).collect();
    assert!(bytes.starts_with(&again), "what was decoded encodes to what was read");
    if end.is_ok() {
        assert_eq!(again, bytes);
    }
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Bytes>, Result<(), FrameError>) {
    let mut decoder = Decoder::new(LIMIT);
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    (messages, decoder.finish())
}

/// Parses the bytes as an error object and sends it over: it must come back as it went.
fn fuzz_error(bytes: &[u8]) {
    let error = RpcError::parse_bytes(bytes);
    let status = error.http_status().as_u16();
    assert!((200..=999).contains(&status));
    let json = error.to_json();
    assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\n']), "{json}");
    assert_eq!(RpcError::parse(&json), error);
    assert_eq!(RpcError::from_proto(error.to_proto()), error);
    let sent = Status::from_trailers(&error.to_grpc().to_trailers()).expect("has a status");
    assert_eq!(RpcError::from_grpc(&sent), error);
    let plain = Status::new(Code::Unknown, mesh_rpc::json::lossy(bytes));
    assert_eq!(Status::from_trailers(&plain.to_trailers()), Some(plain));
}

/// Reads the bytes as messages of either side, whole and in parts: both must tell the same, nothing above the limits,
/// and what was read is written so that it reads as the same.
fn fuzz_messages(bytes: &[u8], step: usize) {
    for side in [Side::Service, Side::Client] {
        let whole = messages(side, [bytes]);
        assert_eq!(whole, messages(side, bytes.chunks(step.max(1))), "{side:?}");
        for (start, message) in whole.0 {
            assert!(message.body.len() <= 2 * LIMIT);
            let (again, same_start) = match &start {
                Start::Request { .. } => {
                    (encode_request("h:1", &message), Start::Request { method: "POST".to_owned() })
                }
                Start::Response { .. } => {
                    (encode_response(&message), Start::Response { status: 200, reason: "OK".to_owned() })
                }
            };
            let (read, end) = messages(side, [again.as_ref()]);
            assert_eq!(end, Ok(true), "{message:?}");
            assert_eq!((read.len(), &read[0].0), (1, &same_start));
            assert_eq!(read[0].1.body, message.body);
            for (name, value) in message.headers.iter().filter(|(name, _)| *name != "Host") {
                assert_eq!(read[0].1.headers.get(name), value.trim_matches([' ', '\t']), "{name}");
            }
        }
    }
}

type Read = (Vec<(Start, Message)>, Result<bool, http1::FrameError>);

fn messages<'a>(side: Side, chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut decoder = http1::Decoder::new(side, Limits { head_bytes: 1024, body_bytes: 2 * LIMIT });
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    (messages, Ok(decoder.is_between_messages()))
}

/// Reads the bytes as a body of every content type: what can be read is written so that it reads as the same.
fn fuzz_envelope(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    for content in [
        ContentType::Proto,
        ContentType::Json,
        ContentType::JsonRpc,
        ContentType::ProtoRpc,
        ContentType::Bytes,
        ContentType::GrpcProto,
    ] {
        if let Ok(read) = envelope::decode_request(content, &body)
            && let Ok(again) = envelope::encode_request(content, &read)
        {
            let same = envelope::decode_request(content, &again).expect("reads back");
            assert_eq!(envelope::encode_request(content, &same), Ok(again), "{content:?}");
        }
        if let Ok(read) = envelope::decode_response(content, &body)
            && let Ok(again) = envelope::encode_response(content, &read)
        {
            let same = envelope::decode_response(content, &again).expect("reads back");
            assert_eq!(same.error, read.error, "{content:?}");
        }
    }
}

/// Takes lines of names and values for headers: what handlers see has unique keys, and finds them in any case.
fn fuzz_headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            let sent = to_wire(name.as_str(), value.clone());
            assert!(name.as_str().ends_with("-bin") || sent == value);
            headers.append(name, sent);
        }
    }
    let mut metadata = Metadata::from_headers(&headers);
    let keys: Vec<String> = metadata.iter().map(|(key, _)| key.to_owned()).collect();
    for key in &keys {
        assert_eq!(&title_case(key), key);
        assert!(metadata.get(&key.to_ascii_uppercase()).is_some() && headers.contains_key(key.to_ascii_lowercase()));
        // Whatever the name, the questions about it have an answer, in any case the same.
        let lower = key.to_ascii_lowercase();
        assert_eq!(is_forwarded(key, true), is_forwarded(&lower, true));
        assert_eq!(is_stripped_from_outside(key), is_stripped_from_outside(&lower));
    }
    for key in &keys {
        metadata.set(key, "");
    }
    assert!(metadata.is_empty());
}

fn replay(folder: &str, body: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        body(&fs::read(entry.expect("is readable").path()).expect("is readable"));
        count += 1;
    }
    assert!(count >= 10);
}

#[test]
fn the_corpus_of_frames() {
    replay("frames", |bytes| (1..=7).for_each(|step| fuzz_frames(bytes, step)));
}

#[test]
fn the_corpus_of_errors() {
    replay("errors", fuzz_error);
}

#[test]
fn the_corpus_of_mucp_messages() {
    replay("mucp-messages", |bytes| [1, 2, 3, 7, 50].into_iter().for_each(|step| fuzz_messages(bytes, step)));
}

#[test]
fn the_corpus_of_envelopes() {
    replay("envelopes", fuzz_envelope);
}

#[test]
fn the_corpus_of_headers() {
    replay("headers", fuzz_headers);
}

proptest! {
    #[test]
    fn any_bytes_are_messages_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..40) {
        fuzz_messages(&bytes, step);
    }

    #[test]
    fn text_like_http_is_messages_or_refused(
        text in r"((POST / HTTP/1\.[01]|HTTP/1\.1 [0-9]{3} ?[a-z]?)\r?\n(([A-Za-z-]{1,9}|Content-Length|Transfer-Encoding): ?(chunked|[0-9]{1,3}|[a-z ]{0,5})\r?\n){0,4}\r?\n[0-3a-f\r\n]{0,20}){1,3}",
        step in 1_usize..40,
    ) {
        fuzz_messages(text.as_bytes(), step);
    }

    #[test]
    fn messages_of_mucp_survive(
        headers in prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,12}", "[ -~ž]{0,20}"), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..LIMIT),
        step in 1_usize..40,
    ) {
        let mut message = Message { body: body.into(), ..Message::default() };
        for (name, value) in &headers {
            message.headers.set(&format!("X-{name}"), value.trim());
        }
        for (side, bytes) in [(Side::Service, encode_request("h:1", &message)), (Side::Client, encode_response(&message))] {
            let (read, end) = messages(side, bytes.chunks(step));
            prop_assert_eq!(end, Ok(true));
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].1.body, &message.body);
            for (name, value) in message.headers.iter() {
                prop_assert_eq!(read[0].1.headers.get(name), value);
            }
        }
    }

    #[test]
    fn any_bytes_are_an_envelope_or_refused(bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..100)) {
        fuzz_envelope(&bytes);
    }

    #[test]
    fn envelopes_survive(id in any::<u64>(), method in "[A-Za-z.<\"]{0,12}", error in ".{0,20}", number in any::<i32>()) {
        for content in [ContentType::JsonRpc, ContentType::ProtoRpc] {
            let request = envelope::Envelope {
                id: id.to_string(), method: method.clone(), error: String::new(), message: number.to_string().into(),
            };
            let body = envelope::encode_request(content, &request).expect("is written");
            prop_assert_eq!(envelope::decode_request(content, &body), Ok(request));
            let message = if error.is_empty() { number.to_string().into() } else { Bytes::new() };
            let response =
                envelope::Envelope { id: id.to_string(), method: String::new(), error: error.clone(), message };
            let body = envelope::encode_response(content, &response).expect("is written");
            prop_assert_eq!(envelope::decode_response(content, &body), Ok(response));
        }
    }

    #[test]
    fn any_lines_are_headers_or_left_out(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_headers(&bytes);
    }

    #[test]
    fn lines_like_headers_are_metadata(text in "([A-Za-z_-]{1,10}(-bin|-BIN)?: ?[!-~ž]{0,10}\n){0,8}") {
        fuzz_headers(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_frames_or_refused(bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..300), step in 1_usize..40) {
        fuzz_frames(&bytes, step);
    }

    #[test]
    fn messages_survive_their_frames(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=LIMIT), 0..8), step in 1_usize..40) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| frame::encode(message)).collect();
        let (decoded, end) = decode(bytes.chunks(step));
        prop_assert_eq!(decoded, messages.into_iter().map(Bytes::from).collect::<Vec<_>>());
        prop_assert_eq!(end, Ok(()));
    }

    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_error(&bytes);
    }

    #[test]
    fn json_like_text_is_an_error(text in r#"\{("(id|code|detail|status|CODE|x)":("[a-z<\\"]{0,6}"|-?[0-9]{1,12}|null|\[\]|\{\}),?){0,5}\}? ?"#) {
        fuzz_error(text.as_bytes());
    }

    #[test]
    fn error_objects_survive(id in ".{0,20}", code in any::<i32>(), detail in ".{0,200}") {
        fuzz_error(RpcError::new(id, code, detail).to_json().as_bytes());
    }

    #[test]
    fn paths_of_endpoints_split_again(service in "[a-z.]{0,20}", handler in "[A-Za-z]{1,8}", name in "[A-Za-z]{1,8}") {
        let path = method::path(&service, &format!("{handler}.{name}"));
        let split = method::split(&path).expect("is a method");
        prop_assert_eq!((split.service, split.handler, split.method), (service.as_str(), handler.as_str(), name.as_str()));
    }

    #[test]
    fn any_text_is_a_path_or_refused(path in "[/.a]{0,12}") {
        if let Err(malformed) = method::split(&path) {
            prop_assert!(matches!(malformed.to_status().code, Code::InvalidArgument | Code::ResourceExhausted));
        }
    }

    #[test]
    fn timeouts_are_rounded_up_by_less_than_their_unit(nanos in any::<u64>()) {
        let time = std::time::Duration::from_nanos(nanos);
        let text = timeout::encode_grpc(time);
        let read = timeout::parse_grpc(&text).expect("reads back");
        prop_assert!(text.len() <= 9 && read >= time);
        prop_assert!(read.saturating_sub(time) <= time / 10_000 + std::time::Duration::from_nanos(1), "{}", text);
    }
}
