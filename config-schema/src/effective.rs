//! The whole document as it counts: every default filled in, every value with its origin.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::{
    document::Route,
    load::Loaded,
    path::{DocumentPath, Segment},
    source::Origin,
};

/// The effective document. Secrets print as `***`, references to them as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    values: Vec<EffectiveValue>,
    json: Json,
}

/// What a route that calls services by the resolver does where it does not say so. Not part of the document: to write
/// it down would be to ask for it, which is not the same for namespace and type (design 4).
const UNSAID: [(&str, &str); 3] =
    [("resolver", "micro"), ("namespace", Route::DEFAULT_NAMESPACE), ("type", Route::DEFAULT_TYPE)];

/// One value of the effective document: a scalar, or a list or map that is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveValue {
    /// Where it stands.
    pub path: DocumentPath,
    /// The value as YAML would write it on one line.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
    /// Variables that were expanded in it.
    pub variables: Vec<String>,
}

impl Effective {
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let json = serde_json::to_value(&loaded.document).expect("documents hold nothing that JSON cannot");
        let mut values = Vec::new();
        collect(&json, &mut Vec::new(), loaded, &mut values);
        Self { values, json }
    }

    /// Returns all values in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = &EffectiveValue> {
        self.values.iter()
    }

    /// Returns the document for machines.
    pub const fn to_json(&self) -> &Json {
        &self.json
    }

    /// Writes the document as YAML.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(&self.json).expect("YAML can hold what JSON can")
    }

    /// Writes one value a line, each with its origin: `listeners.api.address: :8080  # preset api`.
    pub fn to_yaml_with_origin(&self) -> String {
        let lines: Vec<String> = self.values.iter().map(|value| format!("{}: {}", value.path, value.value)).collect();
        let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
        let mut text = String::new();
        for (line, value) in lines.iter().zip(&self.values) {
            write!(text, "{line:width$}  # {}", value.origin).expect("a String takes all");
            for name in &value.variables {
                write!(text, ", ${{{name}}}").expect("a String takes all");
            }
            text.push('\n');
        }
        text
    }
}

fn collect(json: &Json, path: &mut Vec<Segment>, loaded: &Loaded, values: &mut Vec<EffectiveValue>) {
    match json {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                path.push(Segment::Key(key.clone()));
                collect(value, path, loaded, values);
                path.pop();
            }
            values.extend(unsaid(map, path));
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                collect(item, path, loaded, values);
                path.pop();
            }
        }
        leaf => values.push(effective_value(leaf, DocumentPath::from(path.clone()), loaded)),
    }
}

/// The defaults of a route that calls services by the resolver.
fn unsaid(map: &serde_json::Map<String, Json>, path: &[Segment]) -> Vec<EffectiveValue> {
    let is_route = matches!(path, [Segment::Key(section), _, Segment::Index(_)] if section == "routes");
    let resolves = match map.get("handler") {
        Some(Json::String(name)) => matches!(name.as_str(), "meta" | "rpc"),
        Some(Json::Object(handler)) => handler.contains_key("proxy"),
        _ => false,
    };
    if !is_route || !resolves || map.contains_key("service") {
        return Vec::new();
    }
    let absent = UNSAID.iter().filter(|(key, _)| !map.contains_key(*key));
    let value = |(key, value): &(&str, &str)| EffectiveValue {
        path: DocumentPath::from(path.to_vec()).key(*key),
        value: (*value).to_owned(),
        origin: Origin::Default,
        variables: Vec::new(),
    };
    absent.map(value).collect()
}

fn effective_value(json: &Json, path: DocumentPath, loaded: &Loaded) -> EffectiveValue {
    let node = loaded.tree.source_of(&path);
    EffectiveValue {
        path,
        value: one_line(json),
        origin: node.map_or(Origin::Default, |node| loaded.sources.origin(node.span)),
        variables: node.and_then(|node| node.expanded.as_deref()).unwrap_or_default().to_vec(),
    }
}

fn one_line(json: &Json) -> String {
    match json {
        Json::String(text) => {
            let yaml = serde_yaml::to_string(text).unwrap_or_default();
            let yaml = yaml.trim_end();
            if yaml.contains('\n') { json.to_string() } else { yaml.to_owned() }
        }
        other => other.to_string(),
    }
}
