//! `services.NAME`: a static cluster, beside those of the registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Planned, ServiceRetry, defaults};
use crate::value::{Duration, EndpointAddress};

/// A static cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What the endpoints speak. Default: `http`.
    #[serde(default)]
    pub protocol: ServiceProtocol,
    /// Where the service runs; at least one endpoint.
    #[schemars(length(min = 1))]
    pub endpoints: Vec<Endpoint>,
    /// How one of them is chosen. Default: `p2c_ewma`.
    #[serde(default)]
    pub balance: Balance,
    /// To connect to an endpoint. Default: 5 s.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Duration,
    /// Connections that are kept.
    #[serde(default)]
    pub pool: Pool,
    /// Active checks of the endpoints. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Planned>,
    /// Retries over all routes. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<ServiceRetry>,
    /// Endpoints that fail are left out for a while. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Planned>,
    /// TLS towards the endpoints. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Planned>,
    /// Policy sets of all requests to this service. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Planned>,
}

fn connect_timeout() -> Duration {
    defaults::CONNECT_TIMEOUT
}

/// What the endpoints of a service speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceProtocol {
    /// HTTP/1.1 (default); requests of type `application/grpc` go on as HTTP/2.
    #[default]
    Http,
    /// gRPC: HTTP/2 with prior knowledge.
    Grpc,
    /// go-micro's older protocol, over HTTP/1.1.
    Mucp,
}

/// One address of a service. Short form: the address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Literal address or host name, with port.
    pub address: EndpointAddress,
    /// Its share of the requests beside the other endpoints. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u16,
}

fn one() -> u16 {
    1
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The better of two picked at random, by latency and load (default).
    #[default]
    P2cEwma,
    /// One after the other.
    RoundRobin,
}

/// Connections to the endpoints of a service; each worker has a pool of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pool {
    /// Connections to one endpoint, for each worker; a request beyond is answered 503. Default: 1024.
    #[schemars(range(min = 1, max = 65_535))]
    pub connections: u32,
    /// Idle connections to one endpoint, for each worker; more are closed. Default: 64.
    #[schemars(range(max = 65_535))]
    pub idle: u32,
    /// How long an idle connection is kept. Default: 50 s.
    pub idle_timeout: Duration,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            connections: defaults::POOL_CONNECTIONS,
            idle: defaults::POOL_IDLE,
            idle_timeout: defaults::POOL_IDLE_TIMEOUT,
        }
    }
}
