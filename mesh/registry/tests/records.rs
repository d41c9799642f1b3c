//! Records that go-micro wrote are written the same, and what it accepts is read the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mesh_registry::{Service, limits};
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    let lines = include_str!("data/records.jsonl").lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    let found: Vec<Value> = all.filter(|vector| vector["kind"] == kind).collect();
    assert!(!found.is_empty(), "no vector of kind {kind}");
    found
}

fn text(vector: &Value, member: &str) -> String {
    let bytes = STANDARD.decode(vector[member].as_str().expect("is a string")).expect("is base64");
    String::from_utf8(bytes).expect("is UTF-8")
}

#[test]
fn stored_records_are_accepted_and_written_as_go_does() {
    for vector in vectors("etcd-record") {
        let stored = text(&vector, "value");
        let service: Service = serde_json::from_str(&stored).expect("is a service");
        assert_eq!(limits::check(&service), Ok(()), "{}", vector["id"]);
        assert_eq!(service.to_json(), stored, "{}", vector["id"]);
    }
}

#[test]
fn canonical_records_are_written_as_go_does() {
    for vector in vectors("registry-record") {
        let canonical = text(&vector, "bytes");
        let service: Service = serde_json::from_str(&canonical).expect("is a service");
        assert_eq!(service.to_json(), canonical, "{}", vector["id"]);
    }
}

#[test]
fn liberal_records_are_read_as_go_does() {
    for vector in vectors("registry-record-liberal") {
        let read: Option<Service> = serde_json::from_str(&text(&vector, "bytes")).expect("is accepted");
        let expected: Option<Service> = serde_json::from_value(vector["decoded"].clone()).expect("is a service");
        assert_eq!(read, expected, "{}", vector["id"]);
    }
}
