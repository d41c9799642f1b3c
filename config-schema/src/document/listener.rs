//! `listeners.NAME`: an address that accepts connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Planned, defaults};
use crate::value::{ByteSize, Duration, ListenAddress, Network, PolicySetName, RouteTableName};

/// An address that accepts connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Where to listen.
    pub address: ListenAddress,
    /// What is spoken. Default: HTTP/1.1 and HTTP/2 with prior knowledge, told apart by the first bytes.
    #[serde(default = "all_protocols")]
    #[schemars(length(min = 1))]
    pub protocols: Vec<Protocol>,
    /// Whose `Forwarded` and `X-Forwarded-*` headers are believed. Default: nobody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<Network>,
    /// The route table that decides what becomes of a request.
    pub routes: RouteTableName,
    /// Policy sets of all requests of this listener, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySetName>,
    /// Bounds that a connection needs before a route is known.
    #[serde(default)]
    pub limits: Limits,
    /// Certificates. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Planned>,
    /// The PROXY protocol. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<Planned>,
    /// What Micro v2 did by accident. Not built yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Planned>,
}

/// A protocol that a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2; without TLS by prior knowledge (RFC 9113 §3.3).
    #[serde(rename = "h2")]
    Http2,
}

fn all_protocols() -> Vec<Protocol> {
    vec![Protocol::Http1, Protocol::Http2]
}

/// Bounds that a connection needs before a route is known. The policy `limits` only tightens them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Headers of one request; more are answered 431. Default: 100.
    #[schemars(range(min = 1, max = 1000))]
    pub headers: u32,
    /// Bytes of one request head; more are answered 431. Default: 64 KiB.
    pub head: ByteSize,
    /// Bytes of one request body; more are answered 413. Default: 100 MiB.
    pub body: ByteSize,
    /// Concurrent streams of one HTTP/2 connection. Default: 128.
    #[schemars(range(min = 1, max = 10_000))]
    pub streams: u32,
    /// Connections of this listener over all workers; more wait to be accepted. Default: 10,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: u32,
    /// From the first byte of a request head to its last. Default: 10 s.
    pub header_timeout: Duration,
    /// Silence on a connection between two requests. Default: 120 s.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: defaults::HEADERS,
            head: defaults::HEAD,
            body: defaults::BODY,
            streams: defaults::STREAMS,
            connections: defaults::CONNECTIONS,
            header_timeout: defaults::HEADER_TIMEOUT,
            idle_timeout: defaults::IDLE_TIMEOUT,
        }
    }
}
