//! Why a connection was not made.

use std::io;
use std::time::Duration;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not `host:port`.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// The address.
        address: String,
    },
    /// Nobody listens there, or the host is not known.
    #[error("connecting to {address} failed")]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Whoever listens does not speak HTTP/2.
    #[error("{address} does not speak HTTP/2")]
    Handshake {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// TLS was not agreed on: mostly the certificate is not trusted, or is for another name.
    #[error("{address} was not secured by TLS")]
    Tls {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("connecting to {address} took more than {timeout:?}")]
    Timeout {
        /// The address.
        address: String,
        /// The limit.
        timeout: Duration,
    },
}
