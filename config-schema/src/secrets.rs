//! Where secrets stand in a document.

use crate::{path::DocumentPath, tree::Node};

/// Patterns of the paths that hold a [`crate::value::Secret`]; a test compares them with the JSON Schema.
const PLACES: [&str; 1] = ["admin.token"];

/// Returns whether the value at a path is a secret.
pub(crate) fn is_secret(path: &DocumentPath) -> bool {
    PLACES.iter().any(|pattern| path.fits(pattern))
}

/// Returns the secrets of a tree as they were written, in order.
pub(crate) fn texts(tree: &Node) -> Vec<&str> {
    let mut texts = Vec::new();
    tree.walk(&mut Vec::new(), &mut |segments, node| {
        if let Some(scalar) = node.as_scalar()
            && is_secret(&DocumentPath::from(segments.to_vec()))
        {
            texts.push(scalar.text.as_str());
        }
        true
    });
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_secret_of_the_schema_has_its_place_here() {
        let schema = crate::json_schema();
        let mut found = 0;
        let mut rest: Vec<&Value> = vec![&schema];
        while let Some(value) = rest.pop() {
            match value {
                Value::Object(map) => {
                    found += usize::from(map.get("$ref").is_some_and(|target| target == "#/$defs/Secret"));
                    rest.extend(map.values());
                }
                Value::Array(items) => rest.extend(items),
                _ => {}
            }
        }
        assert_eq!(found, PLACES.len(), "a new secret needs its place in PLACES");
    }
}
