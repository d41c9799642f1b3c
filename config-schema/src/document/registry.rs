//! `registry`: where services are found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::value::{Duration, ListenAddress, Secret};

/// One registry. Short form: the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Registry {
    /// Which back end.
    pub kind: RegistryKind,
    /// Where the back end is reached; `memory` and `mdns` need none. Of `file`: the path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Where the embedded registry (`memory`) listens. Default: `127.0.0.1:8000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<ListenAddress>,
    /// How long a registration with the embedded registry lives without a renewal, where it does not say so itself:
    /// from 1 s to 24 h. Default: 60 s.
    pub ttl: Duration,
    /// Whether who asks the embedded registry (`memory`) is told what the others know, too, and who registers there is
    /// registered with all of them.
    #[serde(skip_serializing_if = "defaults::is_false")]
    pub joined: bool,
    /// Who asks (`etcd`), where that is wanted. Goes with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password of `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file with the certificates of those who may vouch for the back end (`etcd`), in PEM; there is TLS then. Default:
    /// the roots of the system, for addresses that begin with `https://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A file with our own certificate (`etcd`), in PEM, where the back end wants one. Goes with `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// The file with the key of `cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The folder of the records (`etcd`). Default: `/micro/registry`, as go-micro has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The network interfaces to use (`mdns`), by the names that the system has for them. Default: all, with loopback.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

impl Registry {
    /// Where the embedded registry listens unless told otherwise (design 12).
    pub const DEFAULT_LISTEN: ListenAddress = ListenAddress {
        host: crate::value::ListenHost::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        port: 8000,
    };
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            kind: RegistryKind::Memory,
            addresses: Vec::new(),
            listen: None,
            ttl: defaults::REGISTRATION_TTL,
            joined: false,
            user: None,
            password: None,
            ca: None,
            cert: None,
            key: None,
            prefix: None,
            interfaces: Vec::new(),
        }
    }
}

/// A back end of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistryKind {
    /// In this process, served to others over HTTP and gRPC; also written `embedded`.
    #[default]
    #[serde(alias = "embedded")]
    Memory,
    /// Multicast DNS, as go-micro speaks it: the services of the network.
    Mdns,
    /// etcd, also written `etcdv3`, with go-micro's records.
    #[serde(alias = "etcdv3")]
    Etcd,
    /// The registry of another micro, or of Go's, over gRPC. Default address: `127.0.0.1:8000`.
    Service,
    /// A file of services, read again when it changes. Its path is the only address.
    File,
    /// Consul. Not built yet.
    Consul,
    /// Kubernetes. Not built yet.
    Kubernetes,
    /// NATS. Not built yet.
    Nats,
    /// `ZooKeeper`. Not built yet.
    Zookeeper,
}
