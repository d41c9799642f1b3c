//! A cluster: a named set of interchangeable endpoints, and what its pools depend on.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::Balance;

/// Where a cluster comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The document's `services:`. Wins over a registered service of the same name (design 7).
    Static,
    /// The registry.
    Registry,
}

/// Identifies a cluster across tables: live state is carried over by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId {
    /// Where it comes from.
    pub source: Source,
    /// Its name, such as `go.micro.srv.greeter`.
    pub name: Arc<str>,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What an endpoint speaks. It belongs to the endpoint, not to the cluster: versions of one service may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1 with kept-alive connections.
    Http,
    /// HTTP/2 with prior knowledge, as gRPC uses it.
    Grpc,
    /// go-micro's own RPC over HTTP/1.1. Known, so that an endpoint that speaks it is refused with a reason.
    Mucp,
}

impl Protocol {
    /// Returns the name as node metadata has it (spec/wire 1.4).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Mucp => "mucp",
        }
    }
}

/// One address of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address to connect to.
    pub address: SocketAddr,
    /// Host and port as configured or registered: what `host: upstream` sends.
    pub authority: Arc<str>,
    /// What it speaks; nothing when nobody said, then the handler decides (design 6).
    pub protocol: Option<Protocol>,
    /// Its share of the calls relative to the others; at least 1.
    pub weight: u16,
    /// Its labels: node id, version and metadata of a registered service.
    pub labels: Arc<IndexMap<String, String>>,
}

/// Bounds and times of an endpoint's connections, per worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolSettings {
    /// How many HTTP/1.1 connections are open at once; a call beyond that ends with 503.
    pub connections_max: usize,
    /// How many idle HTTP/1.1 connections are kept; the oldest goes first.
    pub idle_max: usize,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
}

impl Default for PoolSettings {
    /// 1024 connections, of which 64 idle, for 50 s (servers commonly close after 60 s); 5 s to connect.
    fn default() -> Self {
        Self {
            connections_max: 1024,
            idle_max: 64,
            idle_timeout: Duration::from_secs(50),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A named set of interchangeable endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its identity.
    pub id: ClusterId,
    /// Its endpoints; may be empty, then a call ends with 503.
    pub endpoints: Vec<Endpoint>,
    /// How one of them is picked.
    pub balance: Balance,
    /// Its pools. Endpoints keep their connections across tables while this stays equal.
    pub pool: PoolSettings,
}

impl Cluster {
    /// Makes a cluster with the default balance and pools.
    pub fn new(source: Source, name: impl Into<Arc<str>>, endpoints: Vec<Endpoint>) -> Self {
        let id = ClusterId { source, name: name.into() };
        Self { id, endpoints, balance: Balance::default(), pool: PoolSettings::default() }
    }
}
