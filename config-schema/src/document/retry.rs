//! The policy `retry`: further tries after one that failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Further tries after one that failed, on another endpoint first, within the one deadline. Short form: `attempts`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// How many further tries at most, after the first; 0 for none. Default: 1.
    #[schemars(range(max = 10))]
    pub attempts: u8,
    /// After which failures. Default: `connect` and `reset`.
    pub on: Vec<RetryOn>,
}

impl Retry {
    /// More tries than this turn a slow service into a dead one.
    pub const ATTEMPTS_MAX: u8 = 10;
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, on: vec![RetryOn::Connect, RetryOn::Reset] }
    }
}

/// A failure after which another try may help. Requests that were not sent are retried whatever their method,
/// requests that may have been processed only where the method is idempotent (RFC 9110 §9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryOn {
    /// The endpoint could not be reached, or refused before it took the request: nothing was sent.
    Connect,
    /// The connection broke before a response; idempotent methods only.
    Reset,
    /// The endpoint answered 502, 503 or 504; idempotent methods only.
    Unavailable,
}
