//! The compiled configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use config_schema::value::{ListenAddress, Network};
use gateway_route::RouteTable;
use gateway_upstream::{Balance, Cluster, PoolSettings, Protocol};
use http::HeaderName;
use indexmap::IndexMap;

use policies::Policies;

use crate::Route;

/// Identifies a listener across snapshots.
pub type ListenerId = Arc<str>;

/// The versions of HTTP that a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocols {
    /// HTTP/1.1 (and 1.0).
    pub http1: bool,
    /// HTTP/2 with prior knowledge.
    pub http2: bool,
}

/// What a connection is held to before a route is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Header fields of one head.
    pub headers: usize,
    /// Bytes of one head.
    pub head_bytes: usize,
    /// Bytes of one body, unless a policy says less.
    pub body_bytes: u64,
    /// Exchanges at once on one HTTP/2 connection.
    pub streams: u32,
    /// Connections at once, in all.
    pub connections: usize,
    /// How long a head may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may rest between exchanges.
    pub idle_timeout: Duration,
}

/// A compiled listener with its routes.
#[derive(Debug)]
pub struct Listener {
    /// Its identity.
    pub id: ListenerId,
    /// The address as written.
    pub address: ListenAddress,
    /// What it speaks.
    pub protocols: Protocols,
    /// What connections are held to.
    pub limits: Limits,
    /// Peers whose `Forwarded` and `X-Forwarded-*` are believed.
    pub trusted_proxies: Vec<Network>,
    /// Policies that hold also where no route matches.
    pub policies: Policies,
    /// Where `/rpc` is mounted, the last of `routes` is its route.
    pub table: RouteTable,
    /// The routes, in the order of the table's rules.
    pub routes: Vec<Route>,
}

impl Listener {
    /// Returns whether what a peer says about those before it is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

impl PartialEq for Listener {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.address, self.protocols, self.limits)
            == (&other.id, &other.address, other.protocols, other.limits)
            && self.trusted_proxies == other.trusted_proxies
            && self.policies == other.policies
            && self.table.rules() == other.table.rules()
            && self.routes == other.routes
    }
}

/// An endpoint whose host is a name: resolved on the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostEndpoint {
    /// The name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its share of the calls.
    pub weight: u16,
}

/// A cluster of the document: what is known of it without asking a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSource {
    /// The cluster with those endpoints that are addresses.
    pub cluster: Cluster,
    /// Those that are names.
    pub hosts: Vec<HostEndpoint>,
    /// What its endpoints speak, where the document says so.
    pub protocol: Option<Protocol>,
}

impl ClusterSource {
    /// Returns what of this the pools depend on.
    pub fn settings(&self) -> (Balance, PoolSettings) {
        (self.cluster.balance, self.cluster.pool)
    }
}

/// Where and how access records are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessLog {
    /// Nothing: off.
    pub format: config_schema::document::AccessLogFormat,
    /// Where to.
    pub path: config_schema::document::AccessLogPath,
}

/// How requests are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// The header field that carries the id.
    pub header: HeaderName,
    /// Whether the response carries it too.
    pub to_client: bool,
}

/// What the process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Telemetry {
    /// The access log.
    pub access_log: AccessLog,
    /// The request id.
    pub request_id: RequestId,
}

/// The compiled, immutable configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Its number: one more than the one before it.
    pub generation: u64,
    /// The digest of the effective document.
    pub digest: Arc<str>,
    /// How many workers serve.
    pub workers: usize,
    /// What the process says of itself.
    pub telemetry: Telemetry,
    /// The listeners by name.
    pub listeners: IndexMap<ListenerId, Arc<Listener>>,
    /// The document's clusters.
    pub clusters: Vec<ClusterSource>,
}

impl Snapshot {
    /// Returns the listener that a connection to an address would reach, for `explain`: by port, and by address where
    /// several share the port.
    pub fn listener_at(&self, port: u16, address: Option<SocketAddr>) -> Option<&Arc<Listener>> {
        let mut at_port = self.listeners.values().filter(|listener| listener.address.port == port);
        match address {
            Some(address) => at_port
                .clone()
                .find(|listener| listener.address.socket_addresses().contains(&address))
                .or_else(|| at_port.next()),
            None => at_port.next(),
        }
    }
}
