//! Keys that are known and not built yet.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::value::{Percent, Rate};

/// The value of a key whose part is not built yet: whatever was written, unread.
///
/// A document that holds one does not load, so no consumer ever meets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Planned;

impl<'de> Deserialize<'de> for Planned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_ignored_any(de::IgnoredAny).map(|_| Self)
    }
}

impl JsonSchema for Planned {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Planned".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Not built yet: a document that holds this is refused." })
    }
}

/// How many requests a key may make. Its values are checked, the policy is not built yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// What is counted apart: `client_ip`, a header, an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many requests in which time.
    pub rate: Rate,
    /// How many at once beyond the even flow.
    #[serde(default)]
    pub burst: u32,
}

/// Retries of a service over all routes. Its values are checked, the budget is not built yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceRetry {
    /// How much load retries may add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<RetryBudget>,
}

/// The part of all requests that may be retries. Not built yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBudget {
    /// Retries as a share of requests.
    pub ratio: Percent,
    /// Retries that are allowed in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Rate>,
}
