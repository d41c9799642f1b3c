//! `routes.TABLE[i]`: from a match to a handler.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Handler, Match, Planned};
use crate::value::{Namespace, PolicySetName, RouteName, ServiceName, ServiceType};

/// From a match to a handler. What a handler alone needs stands under its name; what several share are keys here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Names the route in logs, metrics and tests, unique in its table. Default: the match text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<RouteName>,
    /// Which requests take this route; at least one condition.
    pub r#match: Match,
    /// What produces the response. Default: `meta`.
    #[serde(default)]
    pub handler: Handler,
    /// The service to call: a cluster of `services` or of the registry. Without it the resolver names the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// First part of the names that the resolver makes. Absent means `go.micro` *by default*: an explicit
    /// `go.micro` and the default are the same, any other explicit one adds a second candidate (design 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Second part of the names that the resolver makes. Absent means `api` *by default*: a type that was given
    /// leaves one candidate only (design 4).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// How a request becomes a service and a method. Default: `micro`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    /// Policy sets of this route, outermost first; they come after those of the listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySetName>,
    /// What Micro v2 did by accident. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Planned>,
}

impl Route {
    /// The namespace where a route gives none.
    pub const DEFAULT_NAMESPACE: &'static str = "go.micro";
    /// The service type where a route gives none.
    pub const DEFAULT_TYPE: &'static str = "api";
}

/// How a request becomes a service and a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resolver {
    /// From the path, as spec/gateway 4.1: `/greeter/say/hello` → `….greeter`, `Say.Hello`.
    #[default]
    Micro,
}
