//! A broker of what a document or a command line says.

use std::str::FromStr;
use std::sync::Arc;

use mesh_registry::Registry;

use crate::broker::{Broker, Origin};
use crate::http::{self, Http};
use crate::memory::Memory;
#[cfg(feature = "nats")]
use crate::nats::Nats;
use crate::remote::Remote;

/// A kind of broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// go-micro's own: members found in the registry. Its default.
    Http,
    /// In this process.
    Memory,
    /// NATS.
    Nats,
    /// The broker of another micro.
    Service,
}

impl Kind {
    /// Returns the name, as flags and nodes have it.
    pub fn origin(self) -> Origin {
        match self {
            Kind::Http => Origin::HTTP,
            Kind::Memory => Origin::MEMORY,
            Kind::Nats => Origin::NATS,
            Kind::Service => Origin::SERVICE,
        }
    }
}

impl FromStr for Kind {
    type Err = ConnectError;

    /// Reads the name of a flag: `http`, `memory` (also `embedded`), `nats`, `service`.
    fn from_str(name: &str) -> Result<Kind, ConnectError> {
        match name {
            "http" => Ok(Kind::Http),
            "memory" | "embedded" => Ok(Kind::Memory),
            "nats" => Ok(Kind::Nats),
            "service" => Ok(Kind::Service),
            name => Err(ConnectError::Unknown { name: name.to_owned() }),
        }
    }
}

/// What a broker is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which kind.
    pub kind: Kind,
    /// Where it is reached; for `http` where members of this process listen. Each kind has a default.
    pub addresses: Vec<String>,
    /// Where members are found (`http`).
    pub registry: Arc<dyn Registry>,
}

/// Why there is no such broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No kind has that name. The text is that of go-micro.
    #[error("Broker {name} not found")]
    Unknown {
        /// The name.
        name: String,
    },
    /// An address is none.
    #[error("{address:?} is not an address of a broker of kind `{kind}`: {reason}")]
    Address {
        /// The kind.
        kind: Origin,
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Says whether a broker can be made of these, without making one.
///
/// # Errors
/// As [`connect`].
pub fn check(kind: Kind, addresses: &[String]) -> Result<(), ConnectError> {
    match kind {
        Kind::Memory | Kind::Http => Ok(()),
        Kind::Service => Remote::new(addresses).map(drop),
        Kind::Nats => connect_nats(addresses).map(drop),
    }
}

/// Makes a broker. Nothing is reached yet: connections are made by the first publication or subscription.
///
/// # Errors
/// When an address is none.
///
/// # Panics
/// Outside a tokio runtime.
pub fn connect(options: &Options) -> Result<Arc<dyn Broker>, ConnectError> {
    match options.kind {
        Kind::Memory => Ok(Arc::new(Memory::new())),
        Kind::Http => {
            let listen = options.addresses.first().map_or(http::LISTEN_DEFAULT, String::as_str);
            Ok(Arc::new(Http::new(Arc::clone(&options.registry), listen)))
        }
        Kind::Service => Ok(Arc::new(Remote::new(&options.addresses)?)),
        Kind::Nats => connect_nats(&options.addresses),
    }
}

#[cfg(feature = "nats")]
fn connect_nats(addresses: &[String]) -> Result<Arc<dyn Broker>, ConnectError> {
    Ok(Arc::new(Nats::new(addresses)?))
}

#[cfg(not(feature = "nats"))]
fn connect_nats(_addresses: &[String]) -> Result<Arc<dyn Broker>, ConnectError> {
    Err(ConnectError::Unknown { name: Origin::NATS.to_string() })
}
