//! `broker`: where events are published. Not built yet, but checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The broker. Short form: the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// Which back end.
    pub kind: BrokerKind,
    /// Where the back end is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A back end of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BrokerKind {
    /// The broker of go-micro: subscribers found in the registry, events posted to them. Not built yet.
    #[default]
    Http,
    /// In this process; also written `embedded`. Not built yet.
    #[serde(alias = "embedded")]
    Memory,
    /// The broker of another micro. Not built yet.
    Service,
    /// NATS. Not built yet.
    Nats,
    /// Kafka. Not built yet.
    Kafka,
    /// `RabbitMQ`. Not built yet.
    Rabbitmq,
}
