//! The committed JSON Schema is the one the types make.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{fs, path::Path};

fn committed() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/micro-v1.schema.json")
}

fn generated() -> String {
    let schema = serde_json::to_string_pretty(&config_schema::json_schema()).unwrap();
    schema + "\n"
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let committed = fs::read_to_string(committed()).unwrap_or_default();
    let hint = "run `cargo test -p config-schema --test schema -- --ignored` and commit what changed";
    assert!(committed == generated(), "schema/micro-v1.schema.json is not what the types say; {hint}");
}

#[test]
#[ignore = "writes schema/micro-v1.schema.json"]
fn write_the_schema() {
    fs::create_dir_all(committed().parent().unwrap()).unwrap();
    fs::write(committed(), generated()).unwrap();
}

#[test]
fn every_key_has_a_description() {
    let schema = config_schema::json_schema();
    let mut checked = 0;
    for (name, def) in schema["$defs"].as_object().unwrap().iter().chain([(&"Document".to_owned(), &schema)]) {
        for (key, property) in def["properties"].as_object().into_iter().flatten() {
            let described = property.get("description").is_some() || property.get("$ref").is_some();
            assert!(described, "{name}.{key} has no description");
            checked += 1;
        }
    }
    assert!(checked > 80, "{checked}");
}
