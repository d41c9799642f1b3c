//! JSON that is refused in the words of Go.

use mesh_rpc::json::syntax_error;
use serde_json::Value;

/// Reads the first value of a text, as Go's decoder does: what follows it is not looked at.
///
/// # Errors
/// In the words of Go.
pub(crate) fn first_value(text: &str) -> Result<Value, String> {
    match serde_json::Deserializer::from_str(text).into_iter::<Value>().next() {
        None => Err("EOF".to_owned()),
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(match syntax_error(text.as_bytes()) {
            // A decoder waits for more, and none comes.
            Some(reason) if reason == "unexpected end of JSON input" => "unexpected EOF".to_owned(),
            Some(reason) => reason,
            None => error.to_string(),
        }),
    }
}

/// Returns what Go calls the kind of a value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
