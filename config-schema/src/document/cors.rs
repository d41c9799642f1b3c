//! The policy `cors`: which web pages of other origins may call (Fetch standard, CORS protocol).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::value::{Duration, HeaderName, Method, WebOrigin};

/// Which web pages of other origins may call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins that may call; `*` for any, never together with `credentials`.
    pub origins: Vec<WebOrigin>,
    /// Methods they may use. Default: those that Micro v2 allowed (spec/gateway 3.4).
    pub methods: Vec<Method>,
    /// Request headers they may send. Default: those that Micro v2 allowed (spec/gateway 3.4).
    pub headers: Vec<HeaderName>,
    /// Response headers they may read beyond the simple ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<HeaderName>,
    /// Whether cookies and authorisation may be sent along. Default: false.
    pub credentials: bool,
    /// How long a browser may remember the answer of a preflight. Default: the browser's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Whether any origin is allowed by name and with credentials, as Micro v2 did. Only the built-in presets may
    /// say so; a document lists its origins (design 5), which then count alone.
    #[serde(skip_serializing_if = "defaults::is_false")]
    #[schemars(skip)]
    pub reflect: bool,
}

impl Default for Cors {
    fn default() -> Self {
        let methods = ["POST", "PATCH", "GET", "OPTIONS", "PUT", "DELETE"];
        let headers = ["accept", "content-type", "content-length", "accept-encoding", "x-csrf-token", "authorization"];
        Self {
            origins: Vec::new(),
            methods: methods.iter().map(|method| method.parse().expect("methods of HTTP")).collect(),
            headers: headers.into_iter().map(HeaderName::known).collect(),
            expose: Vec::new(),
            credentials: false,
            max_age: None,
            reflect: false,
        }
    }
}
