//! `match`: which requests take a route.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::OneOrMany;
use crate::value::{HeaderName, HostPattern, Method, PathText, Pattern};

/// Which requests take a route: all conditions must hold. A condition that fails lets the next candidate try.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Host of the request, any of these. Default: any host.
    #[serde(skip_serializing_if = "is_empty")]
    pub host: OneOrMany<HostPattern>,
    /// Path: exact (`/a`), template (`/a/{id}`), prefix (`/a/**`, which matches `/a` too); grammar of
    /// spec/gateway 5.5. Default: any path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathText>,
    /// Method, any of these. Default: any method.
    #[serde(skip_serializing_if = "is_empty")]
    pub method: OneOrMany<Method>,
    /// Headers by name, each of these.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<HeaderName, ValueMatch>,
    /// Query parameters by name (decoded), each of these.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub query: IndexMap<String, ValueMatch>,
}

impl Match {
    /// Returns whether no condition is given; such a match is refused.
    pub fn is_empty(&self) -> bool {
        self.host.0.is_empty()
            && self.path.is_none()
            && self.method.0.is_empty()
            && self.headers.is_empty()
            && self.query.is_empty()
    }
}

fn is_empty<T>(list: &OneOrMany<T>) -> bool {
    list.0.is_empty()
}

/// What a header or a query parameter must be. Short form: the exact value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueMatch {
    /// Exactly this text, case-sensitive.
    Exact(String),
    /// Found by this expression, anywhere in the value unless it has anchors.
    Regex(Pattern),
    /// Whether it is there at all.
    Present(bool),
}

impl JsonSchema for ValueMatch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ValueMatch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Pattern>();
        let one = |name: &str, value: Schema| {
            json_schema!({
                "type": "object", "properties": { name: value }, "required": [name], "additionalProperties": false,
            })
        };
        let forms = [
            json_schema!({ "type": "string" }),
            one("exact", json_schema!({ "type": "string" })),
            one("regex", pattern),
            one("present", json_schema!({ "type": "boolean" })),
        ];
        json_schema!({
            "description": "What a header or a query parameter must be. Short form: the exact value.",
            "oneOf": forms,
        })
    }
}
