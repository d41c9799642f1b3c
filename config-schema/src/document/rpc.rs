//! `rpc`: the `/rpc` endpoint, which calls any service by name (spec/gateway 7.8). Off where absent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{ListenerName, PolicySetName};

/// The `/rpc` endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcEndpoint {
    /// On which listeners.
    #[schemars(length(min = 1))]
    pub listeners: Vec<ListenerName>,
    /// Which `address` a call may name. Default: `registered`.
    #[serde(default)]
    pub addresses: RpcAddresses,
    /// Policy sets of its requests, beside those of the listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySetName>,
}

/// Which `address` a call of `/rpc` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RpcAddresses {
    /// Only one that the registry knows (default); others are answered 403.
    #[default]
    Registered,
    /// None at all.
    None,
}
