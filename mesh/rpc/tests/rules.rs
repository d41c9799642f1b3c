//! Error objects and metadata keys against what go-micro made of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mesh_rpc::RpcError;
use mesh_rpc::error::status_text;
use mesh_rpc::metadata::title_case;
use prost::Message;
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    let lines = include_str!("data/rules.jsonl").lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    let found: Vec<Value> = all.filter(|vector| vector["kind"] == kind).collect();
    assert!(!found.is_empty(), "no vector of kind {kind}");
    found
}

/// The error object that a vector holds.
fn error(vector: &Value) -> RpcError {
    let text = |name: &str| vector["error"][name].as_str().expect("is a string").to_owned();
    let code = vector["error"]["code"].as_i64().and_then(|code| i32::try_from(code).ok()).expect("is an int32");
    RpcError { id: text("id").into(), code, detail: text("detail"), status: text("status").into() }
}

#[test]
fn errors_are_parsed_as_go_does() {
    for vector in vectors("error-parse") {
        let parsed = RpcError::parse(vector["input"].as_str().expect("is a string"));
        assert_eq!(parsed, error(&vector), "{}", vector["id"]);
        assert_eq!(parsed.to_json(), vector["text"], "{}", vector["id"]);
    }
}

#[test]
fn errors_are_encoded_as_go_does() {
    for vector in vectors("error-encode") {
        let error = error(&vector);
        let bytes = |name: &str| STANDARD.decode(vector[name].as_str().expect("is a string")).expect("is base64");
        assert_eq!(error.to_json().as_bytes(), bytes("json"), "{}", vector["id"]);
        assert_eq!(error.to_proto().encode_to_vec(), bytes("proto"), "{}", vector["id"]);
        if !error.status.is_empty() {
            assert_eq!(status_text(error.code), error.status, "{}", vector["id"]);
        }
    }
}

#[test]
fn metadata_keys_are_title_cased_as_go_does() {
    for vector in vectors("metadata-key") {
        assert_eq!(title_case(vector["key"].as_str().expect("is a string")), vector["title"], "{}", vector["id"]);
    }
}
