//! The JSON Schema (2020-12) of the document, and what reading takes from it: required keys and bounds.
//!
//! The schema is made from the types, so that both say the same. It is committed as `schema/micro-v1.schema.json`;
//! a test compares.

use std::{collections::HashMap, sync::LazyLock};

use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::document::{Document, SHORT_FORMS};

mod variables;

/// The name of the schema.
pub const SCHEMA_ID: &str = "urn:micro:document:v1";

const META_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns the JSON Schema of a document.
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    if let Some(defs) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        add_short_forms(defs);
        add_handler_names(defs);
        add_second_names(defs);
    }
    variables::allow(&mut schema);
    let mut ordered = Map::new();
    for (key, value) in [("$schema", json!(META_SCHEMA)), ("$id", json!(SCHEMA_ID)), ("title", json!("micro/v1"))] {
        ordered.insert(key.to_owned(), value);
    }
    if let Value::Object(map) = schema {
        ordered.extend(map.into_iter().filter(|(key, _)| key != "$schema" && key != "title"));
    }
    Value::Object(ordered)
}

/// Lets a scalar stand for a map, as [`SHORT_FORMS`] says.
fn add_short_forms(defs: &mut Map<String, Value>) {
    for (name, key) in SHORT_FORMS {
        let Some(long) = defs.get_mut(name) else { continue };
        let Some(short) = long.pointer(&format!("/properties/{key}")).cloned() else { continue };
        let description = long.get("description").cloned().unwrap_or_default();
        *long = json!({ "description": description, "anyOf": [short, long.take()] });
    }
}

/// Lets the name of a handler stand for the handler with all defaults.
fn add_handler_names(defs: &mut Map<String, Value>) {
    let Some(handler) = defs.get_mut("Handler") else { return };
    let description = handler.get("description").cloned().unwrap_or_default();
    let mut long = Map::new();
    for form in handler.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        long.extend(form.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
    }
    let alias = long.get("proxy").cloned();
    long.extend(alias.map(|proxy| ("http".to_owned(), proxy)));
    let no_keys = json!({ "type": ["object", "null"], "additionalProperties": false });
    for name in ["event", "meta", "rpc"] {
        long.insert(name.to_owned(), no_keys.clone());
    }
    *handler = json!({
        "description": description,
        "anyOf": [
            { "type": "string", "enum": ["meta", "rpc", "event", "proxy", "http", "respond"] },
            { "type": "object", "properties": long, "additionalProperties": false, "minProperties": 1, "maxProperties": 1 },
        ],
    });
}

/// Second names of words, which the schema of a type leaves out.
fn add_second_names(defs: &mut Map<String, Value>) {
    const SECOND_NAMES: [(&str, &str, &str); 3] = [
        ("RegistryKind", "embedded", "memory"),
        ("RegistryKind", "etcdv3", "etcd"),
        ("BrokerKind", "embedded", "memory"),
    ];
    for (name, second, first) in SECOND_NAMES {
        if let Some(words) = defs.get_mut(name).and_then(|def| def.get_mut("oneOf")).and_then(Value::as_array_mut) {
            words.push(json!({ "type": "string", "const": second, "description": format!("The same as `{first}`.") }));
        }
    }
}

/// Bounds of the value of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Least number.
    pub(crate) minimum: Option<u64>,
    /// Largest number.
    pub(crate) maximum: Option<u64>,
    /// Least number of items.
    pub(crate) items_min: usize,
}

/// What reading needs of one type.
#[derive(Debug, Default)]
struct TypeFacts {
    properties: Vec<String>,
    required: Vec<String>,
    bounds: HashMap<String, Bounds>,
}

static FACTS: LazyLock<HashMap<String, TypeFacts>> = LazyLock::new(|| {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    let defs = schema.get("$defs").and_then(Value::as_object).into_iter().flatten();
    let mut facts: HashMap<String, TypeFacts> = defs.map(|(name, def)| (name.clone(), type_facts(def))).collect();
    facts.insert("Document".to_owned(), type_facts(Schema::as_value(&schema)));
    facts
});

fn type_facts(def: &Value) -> TypeFacts {
    let properties = def.get("properties").and_then(Value::as_object);
    let required = def.get("required").and_then(Value::as_array).into_iter().flatten();
    TypeFacts {
        properties: properties.into_iter().flat_map(Map::keys).cloned().collect(),
        required: required.filter_map(|key| key.as_str().map(str::to_owned)).collect(),
        bounds: properties.into_iter().flatten().map(|(key, value)| (key.clone(), bounds_of(value))).collect(),
    }
}

fn bounds_of(property: &Value) -> Bounds {
    let number = |key: &str| property.get(key).and_then(Value::as_u64);
    let items = number("minItems").and_then(|items| usize::try_from(items).ok());
    Bounds { minimum: number("minimum"), maximum: number("maximum"), items_min: items.unwrap_or(0) }
}

/// Returns the keys of a type.
pub(crate) fn property_names(type_name: &str) -> &'static [String] {
    FACTS.get(type_name).map_or(&[], |facts| &facts.properties)
}

/// Returns the keys of a type that must be there.
pub(crate) fn required_keys(type_name: &str) -> &'static [String] {
    FACTS.get(type_name).map_or(&[], |facts| &facts.required)
}

/// Returns the bounds of a key of a type.
pub(crate) fn bounds(type_name: &str, key: &str) -> Bounds {
    FACTS.get(type_name).and_then(|facts| facts.bounds.get(key)).copied().unwrap_or_default()
}
