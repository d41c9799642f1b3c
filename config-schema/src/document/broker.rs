//! `broker`: where events are published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::ListenAddress;

/// The broker. Short form: the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// Which back end.
    pub kind: BrokerKind,
    /// Where the back end is reached; `memory` needs none. Of `http`: where members of this process listen, one address
    /// (default: `127.0.0.1:0`). The default of `nats` is `127.0.0.1:4222`, that of `service` is `127.0.0.1:8001`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Where the embedded broker (`memory`) is offered to others over gRPC and HTTP. Default: `127.0.0.1:8001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<ListenAddress>,
}

impl Broker {
    /// Where the embedded broker listens unless told otherwise (design 12).
    pub const DEFAULT_LISTEN: ListenAddress = ListenAddress {
        host: crate::value::ListenHost::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        port: 8001,
    };
}

/// A back end of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BrokerKind {
    /// The broker of go-micro: subscribers found in the registry, events posted to them.
    #[default]
    Http,
    /// In this process, offered to others over gRPC and HTTP; also written `embedded`.
    #[serde(alias = "embedded")]
    Memory,
    /// The broker of another micro, or of Go's, over gRPC.
    Service,
    /// NATS.
    Nats,
    /// Kafka. Not built yet.
    Kafka,
    /// `RabbitMQ`. Not built yet.
    Rabbitmq,
}
