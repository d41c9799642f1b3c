//! The fuzz body of the envelope: a plain function that takes any bytes, replayed over a corpus and fed by proptest.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mesh_broker::{Message, envelope};
use proptest::prelude::*;
use serde_json::Value;

/// Reads the bytes. What is read is written and read again as it was, and what is no JSON is told as such.
fn fuzz_envelope(bytes: &[u8]) {
    match envelope::decode(bytes) {
        Ok(message) => {
            let written = envelope::encode(&message);
            assert_eq!(envelope::decode(&written).as_ref(), Ok(&message));
            assert_eq!(envelope::encode(&message), written);
            let text = std::str::from_utf8(&written).expect("is text");
            assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\n']), "{text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[test]
fn the_corpus_is_replayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/envelope");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("is there") {
        fuzz_envelope(&fs::read(entry.expect("is readable").path()).expect("is readable"));
        count += 1;
    }
    assert!(count > 5);
}

#[test]
fn what_go_sent_is_replayed_whole_and_cut() {
    for line in include_str!("data/broker.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).expect("is JSON");
        let texts = ["bytes", "payload", "request_bytes"].iter().filter_map(|name| vector[*name].as_str());
        for text in texts {
            let bytes = STANDARD.decode(text).expect("is base64");
            let from = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
            for end in from..=bytes.len() {
                fuzz_envelope(&bytes[from..end]);
            }
        }
    }
}

#[track_caller]
fn check(text: &str, expected: Result<Message, &str>) {
    let read = envelope::decode(text.as_bytes()).map_err(|error| error.to_string());
    assert_eq!(read, expected.map_err(str::to_owned), "{text}");
}

#[test]
fn reading_is_as_liberal_as_go() {
    let message = || Message::new("hi").with("a", "b");
    check(r#"{"hEADER":{"a":"b"},"BODY":"aGk="}"#, Ok(message()));
    check(r#" {"Header":{"a":"x"},"x":[{}],"Body":"aG\nk=","Header":{"a":"b"}} "#, Ok(message()));
    check(r#"{"Header":{"a":"b"},"Body":[104,105]}"#, Ok(message()));
    check(r#"{"Header":{"a":"b","c":null},"Body":"aGk="}"#, Ok(message().with("c", "")));
    check(r#"{"Header":{"a":"b","c":"\ud800"},"Body":"aGk="}"#, Ok(message().with("c", "\u{fffd}")));
    check(r#"{"Header":null,"Body":null}"#, Ok(Message::default()));
    check("null", Ok(Message::default()));
    check("{}", Ok(Message::default()));
}

#[test]
fn what_is_wrong_is_told_in_the_words_of_go() {
    check("[]", Err("json: cannot unmarshal array into Go value of type broker.Message"));
    check("1", Err("json: cannot unmarshal number into Go value of type broker.Message"));
    let header = "json: cannot unmarshal string into Go struct field Message.Header of type map[string]string";
    check(r#"{"Header":"a"}"#, Err(header));
    let value = "json: cannot unmarshal number into Go struct field Message.Header of type string";
    check(r#"{"Header":{"a":1}}"#, Err(value));
    check(r#"{"Body":{}}"#, Err("json: cannot unmarshal object into Go struct field Message.Body of type []uint8"));
    check(r#"{"Body":"a!=="}"#, Err("illegal base64 data at input byte 1"));
    check("", Err("unexpected end of JSON input"));
    check("{\"Body\":\"\"}x", Err("invalid character 'x' after top-level value"));
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz_envelope(&bytes);
    }

    #[test]
    fn any_json(text in r#"\{("(Header|body|x)":(null|"[a-zA-Z+/=]{0,8}"|\{"a":"\\u[d89][0-9a-f]{3}"\}|\[1\]),?){0,3}\}?"#) {
        fuzz_envelope(text.as_bytes());
    }

    #[test]
    fn every_message_comes_back(
        header in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..5),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let message = Message { header, body: body.into() };
        prop_assert_eq!(envelope::decode(&envelope::encode(&message)), Ok(message));
    }
}
