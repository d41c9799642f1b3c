//! The policy `headers`: what is changed in a request before it is passed on, and in a response.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{HeaderName, HeaderValue};

/// Changes of headers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderPolicy {
    /// Of the request, before it goes upstream.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub request: HeaderEdits,
    /// Of the response, before it goes to the client.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub response: HeaderEdits,
}

/// First `remove`, then `set`, then `add`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderEdits {
    /// Replaces all values of these headers.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub set: IndexMap<HeaderName, HeaderValue>,
    /// Adds one value each.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub add: IndexMap<HeaderName, HeaderValue>,
    /// Takes all values of these headers away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
}

impl HeaderEdits {
    /// Returns whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }
}
