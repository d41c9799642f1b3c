//! The fuzz bodies: plain functions that take any bytes, replayed over a corpus and fed by proptest.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use mesh_rpc::frame::{self, Decoder, FrameError};
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

proptest! {
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
