//! Lets `${NAME}` stand for any scalar: the schema judges a document before variables are expanded.

use serde_json::{Map, Value, json};

/// Anywhere in a text, a variable makes it impossible to say what the text will be.
const VARIABLE: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}";

/// Changes a whole schema.
pub(super) fn allow(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    for keyword in ["properties", "patternProperties", "$defs"] {
        for child in map.get_mut(keyword).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            allow(child);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = map.get_mut(keyword) {
            allow(child);
        }
    }
    if let Some(words) = map.get_mut("oneOf").and_then(Value::as_array_mut)
        && words.iter().all(|word| word.get("const").is_some())
    {
        words.push(variable());
        return;
    }
    for keyword in ["anyOf", "oneOf"] {
        for child in map.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten() {
            allow(child);
        }
    }
    allow_here(map);
}

/// Changes a schema that judges one scalar.
fn allow_here(map: &mut Map<String, Value>) {
    if let Some(Value::String(pattern)) = map.get_mut("pattern") {
        if !pattern.is_empty() {
            *pattern = format!("{pattern}|{VARIABLE}");
        }
        return;
    }
    let is_scalar = |kind: &Value| matches!(kind.as_str(), Some("integer" | "boolean"));
    let judged = match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_scalar),
        Some(kind) => is_scalar(kind),
        None => false,
    };
    if judged || map.contains_key("enum") {
        let mut outer = Map::new();
        for keyword in ["description", "default"] {
            outer.extend(map.remove(keyword).map(|value| (keyword.to_owned(), value)));
        }
        outer.insert("anyOf".to_owned(), json!([Value::Object(std::mem::take(map)), variable()]));
        *map = outer;
    }
}

fn variable() -> Value {
    json!({ "type": "string", "pattern": VARIABLE, "description": "A variable, expanded when the document is read." })
}
