//! A stable hash of what a document says.

use std::hash::Hasher;

use serde_json::Value;
use twox_hash::XxHash3_64;

use crate::{document::Document, secrets, tree::Node};

/// Returns 16 hexadecimal digits that depend on the values alone: not on comments, the order of keys, short or long
/// forms, nor on where a value came from.
pub(crate) fn of(document: &Document, tree: &Node) -> String {
    let mut hasher = XxHash3_64::with_seed(0);
    let value = serde_json::to_value(document).expect("documents hold nothing that JSON cannot");
    hash_value(&value, &mut hasher);
    // A literal secret serialises as `***`: a new one is a change all the same.
    for secret in secrets::texts(tree) {
        hash_text(secret, &mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn hash_value(value: &Value, hasher: &mut XxHash3_64) {
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(value) => hasher.write(&[1, u8::from(*value)]),
        Value::Number(number) => {
            hasher.write_u8(2);
            hash_text(&number.to_string(), hasher);
        }
        Value::String(text) => {
            hasher.write_u8(3);
            hash_text(text, hasher);
        }
        Value::Array(items) => {
            hasher.write_u8(4);
            hash_length(items.len(), hasher);
            for item in items {
                hash_value(item, hasher);
            }
        }
        Value::Object(map) => {
            hasher.write_u8(5);
            hash_length(map.len(), hasher);
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, value) in entries {
                hash_text(key, hasher);
                hash_value(value, hasher);
            }
        }
    }
}

fn hash_text(text: &str, hasher: &mut XxHash3_64) {
    hash_length(text.len(), hasher);
    hasher.write(text.as_bytes());
}

/// The width of `usize` differs between machines, a digest must not.
fn hash_length(length: usize, hasher: &mut XxHash3_64) {
    hasher.write_u64(u64::try_from(length).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use crate::{Layers, load};

    fn digest(yaml: &str) -> String {
        load(&Layers::text("t.yaml", yaml)).unwrap().digest
    }

    #[test]
    fn only_what_is_said_counts() {
        let plain = digest("version: micro/v1\nworkers: 2\nadmin: 127.0.0.1:9000\n");
        assert_eq!(plain, digest("# hello\nadmin: { address: \"127.0.0.1:9000\" }\nworkers: 2\nversion: micro/v1\n"));
        assert_ne!(plain, digest("version: micro/v1\nworkers: 3\nadmin: 127.0.0.1:9000\n"));
        assert_eq!(plain.len(), 16);
    }

    #[test]
    fn a_new_secret_is_a_change() {
        let with = |token: &str| digest(&format!("version: micro/v1\nadmin: {{ token: {token} }}\n"));
        assert_ne!(with("one"), with("two"));
    }
}
