//! The typed document, one file a resource: close to what was typed, with every default filled in.
//!
//! The types say what may be written; [`fn@crate::load`] makes them from text. What a document *means* (templates,
//! order of routes, merged policies) is compiled elsewhere. Keys of parts that are not built yet are [`Planned`]:
//! known, so that they are no unknown key, and refused with one finding each (`not built yet: PATH`).

mod admin;
mod broker;
mod condition;
mod cors;
mod defaults;
mod handler;
mod headers;
mod listener;
mod one_or_many;
mod planned;
mod policy;
mod registry;
mod retry;
mod route;
mod rpc;
mod service;
mod short_form;
mod telemetry;
mod test_case;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::value::{Duration, ListenerName, PolicySetName, RouteTableName, ServiceName};

pub use admin::{Admin, AdminAddress};
pub use broker::{Broker, BrokerKind};
pub use condition::{Match, ValueMatch};
pub use cors::Cors;
pub use handler::{Handler, HostRewrite, Proxy, Redirect, Respond, Upgrade};
pub use headers::{HeaderEdits, HeaderPolicy};
pub use listener::{Limits, Listener, Protocol};
pub(crate) use one_or_many::ONE_OR_MANY;
pub use one_or_many::OneOrMany;
pub use planned::{Planned, RateLimit, RetryBudget, ServiceRetry};
pub use policy::{PolicyLimits, PolicySet};
pub use registry::{Registry, RegistryKind};
pub use retry::{Retry, RetryOn};
pub use route::{Resolver, Route};
pub use rpc::{RpcAddresses, RpcEndpoint};
pub use service::{Balance, Endpoint, Pool, Service, ServiceProtocol};
pub(crate) use short_form::{SHORT_FORMS, short_form};
pub use telemetry::{AccessLog, AccessLogFormat, AccessLogPath, Log, LogFormat, LogLevel, RequestId, Telemetry};
pub use test_case::{Expect, TestCase};

/// One whole configuration: the content of `gateway.yaml` with presets, variables and flags merged in.
///
/// Maps keep the order of the document. Only [`Document::version`] must be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// The version of the language; required in each file.
    #[schemars(required)]
    pub version: Version,
    /// Number of data-plane workers. Default: one for each available core.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<u16>,
    /// How long requests may go on after SIGTERM; what is left then is cut. `0s` cuts at once. Default: 30 s.
    pub drain_timeout: Duration,
    /// What is logged and how.
    pub telemetry: Telemetry,
    /// Where services are found: one registry, or several in the order they are asked.
    #[serde(serialize_with = "one_or_many::serialize")]
    #[schemars(with = "OneOrMany<Registry>")]
    pub registry: Vec<Registry>,
    /// Where events are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<Broker>,
    /// Addresses that accept connections, by name.
    pub listeners: IndexMap<ListenerName, Listener>,
    /// Route tables by name, each a list of routes.
    pub routes: IndexMap<RouteTableName, Vec<Route>>,
    /// Policy sets by name, used by listeners and routes.
    pub policies: IndexMap<PolicySetName, PolicySet>,
    /// Static clusters by name, beside those of the registry.
    pub services: IndexMap<ServiceName, Service>,
    /// The `/rpc` endpoint; off where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc: Option<RpcEndpoint>,
    /// The admin listener.
    pub admin: Admin,
    /// Tests of this document: requests and what must become of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCase>,
    /// Who callers are. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Planned>,
    /// How a new generation takes over. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Planned>,
    /// Which lints of the document count. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lints: Option<Planned>,
    /// The network of nodes. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Planned>,
    /// Tunnels to other networks. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Planned>,
    /// The service proxy. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Planned>,
    /// The dashboard. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<Planned>,
    /// The key-value store. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Planned>,
    /// Accounts and rules. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Planned>,
    /// Services that are run and kept alive. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Planned>,
    /// The chat bot. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<Planned>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            version: Version::default(),
            workers: None,
            drain_timeout: defaults::DRAIN_TIMEOUT,
            telemetry: Telemetry::default(),
            registry: Vec::new(),
            broker: None,
            listeners: IndexMap::default(),
            routes: IndexMap::default(),
            policies: IndexMap::default(),
            services: IndexMap::default(),
            rpc: None,
            admin: Admin::default(),
            tests: Vec::new(),
            identity: None,
            rollout: None,
            lints: None,
            network: None,
            tunnel: None,
            proxy: None,
            web: None,
            store: None,
            auth: None,
            runtime: None,
            bot: None,
        }
    }
}

/// The version of the document language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, serde::Deserialize, JsonSchema)]
pub enum Version {
    /// `micro/v1`, the only one there is.
    #[default]
    #[serde(rename = "micro/v1")]
    V1,
}
