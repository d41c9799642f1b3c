//! Which values are secrets: they are masked in every report, also where a file is too broken to be read.

use crate::{
    path::Step,
    source::{SourceId, SourceMap, Span},
    tree::Node,
};

/// Keys whose values are secrets, wherever they stand. A test holds this against the JSON Schema.
const KEYS: [&str; 5] = ["token", "tokens", "password", "secret", "private_key"];

/// Hides the secrets of a tree in the snippets of its source.
pub(crate) fn mask_tree(tree: &Node, sources: &mut SourceMap) {
    for node in nodes(tree) {
        sources.mask(node.span);
    }
}

/// Hides what may be a secret in a text that could not be read: what follows one of the keys on its line.
pub(crate) fn mask_text(source: SourceId, sources: &mut SourceMap) {
    let text = sources.get(source).text();
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(offset) = secret_in_line(line) {
            found.push(Span::new(source, line_start + offset..line_start + line.trim_end().len()));
        }
        line_start += line.len();
    }
    for span in found {
        sources.mask(span);
    }
}

/// Returns the secrets of a tree as they were written, in order.
pub(crate) fn texts(tree: &Node) -> Vec<&str> {
    nodes(tree).into_iter().filter_map(|node| node.as_scalar()).map(|scalar| scalar.text.as_str()).collect()
}

fn nodes(tree: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    tree.walk(&mut Vec::new(), &mut |path, node| {
        let key = path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            Step::Index(_) => None,
        });
        let literal = node.as_scalar().is_some_and(|scalar| !is_reference(&scalar.text));
        if literal && key.is_some_and(|key| KEYS.contains(&key)) {
            found.push(node);
        }
    });
    found
}

/// The place of a secret is none: `file:…` and `env:…` are shown.
fn is_reference(text: &str) -> bool {
    text.starts_with("file:") || text.starts_with("env:") || text.starts_with("${") || text.is_empty()
}

fn secret_in_line(line: &str) -> Option<usize> {
    KEYS.iter().find_map(|key| {
        let at = line.find(key)?;
        let after_key = line.get(at + key.len()..)?;
        let rest = after_key.trim_start_matches(['"', '\'', ' ']).strip_prefix(':')?.trim_start();
        let literal = !rest.trim_end().is_empty() && !is_reference(rest.trim_start_matches(['"', '\'']));
        literal.then(|| line.len() - rest.len())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_secret_of_the_schema_has_one_of_the_keys() {
        let schema = crate::json_schema();
        let mut found = 0;
        let mut rest: Vec<&Value> = vec![&schema];
        while let Some(value) = rest.pop() {
            match value {
                Value::Object(map) => {
                    for (key, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                        if property.to_string().contains("#/$defs/Secret\"") {
                            assert!(KEYS.contains(&key.as_str()), "{key}");
                            found += 1;
                        }
                    }
                    rest.extend(map.values());
                }
                Value::Array(items) => rest.extend(items),
                _ => {}
            }
        }
        assert!(found > 0);
    }

    #[test]
    fn a_broken_line_shows_no_secret() {
        fn hidden(line: &str) -> Option<&str> {
            secret_in_line(line).and_then(|at| line.get(at..))
        }
        assert_eq!(hidden("  token: hunter2: x"), Some("hunter2: x"));
        assert_eq!(hidden("{ \"token\": \"hunter2\" }"), Some("\"hunter2\" }"));
        assert_eq!(hidden("  token: file:/run/t"), None);
        assert_eq!(hidden("  tokenizer: x"), None);
        assert_eq!(hidden("  token:"), None);
    }
}
