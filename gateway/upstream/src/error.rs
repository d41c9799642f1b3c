//! Why a call to an endpoint failed, and whether its request may be sent again.

use gateway_exchange::{Body, Cause, ProxyError};

/// What went wrong between this worker and an endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendFailure {
    /// No connection was made.
    #[error("connecting to {address} failed")]
    Connect {
        /// The address that was tried.
        address: std::net::SocketAddr,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// No connection was made in time.
    #[error("connecting to {address} took longer than {limit:?}")]
    ConnectTimeout {
        /// The address that was tried.
        address: std::net::SocketAddr,
        /// The time allowed.
        limit: std::time::Duration,
    },
    /// As many connections are open as may be.
    #[error("{limit} connections to {address} are open, no more are allowed")]
    TooManyConnections {
        /// The address.
        address: std::net::SocketAddr,
        /// The limit.
        limit: usize,
    },
    /// The exchange on the connection failed.
    #[error("the connection to {address} failed")]
    Exchange {
        /// The address.
        address: std::net::SocketAddr,
        /// The reason.
        #[source]
        source: hyper::Error,
    },
}

/// A failed call. Holds the request if nothing of it was sent.
#[derive(Debug)]
pub struct SendError {
    /// What went wrong.
    pub failure: SendFailure,
    /// The request, if no byte of it was sent: it may go to another endpoint as it is.
    pub unsent: Option<Box<http::Request<Body>>>,
}

impl SendError {
    /// Returns the stable cause.
    pub fn cause(&self) -> Cause {
        match &self.failure {
            SendFailure::Connect { .. } => Cause::ConnectRefused,
            SendFailure::ConnectTimeout { .. } => Cause::ConnectTimeout,
            SendFailure::TooManyConnections { .. } => Cause::Overloaded,
            SendFailure::Exchange { source, .. } => exchange_cause(source),
        }
    }

    /// Returns the error that ends the exchange when no other endpoint is left. Its detail names no address: that is
    /// for the log.
    pub fn into_proxy_error(self) -> ProxyError {
        let cause = self.cause();
        let detail = match cause {
            Cause::ConnectRefused => "the service refused the connection",
            Cause::ConnectTimeout => "the service could not be reached in time",
            Cause::Overloaded => "the service has too many connections",
            Cause::BodyTooLarge => "the body is too large",
            Cause::ClientGone => "the client stopped sending",
            _ => "the service ended the connection",
        };
        let error = ProxyError::new(cause, detail).with_source(self.failure);
        if self.unsent.is_some() { error.with_nothing_sent() } else { error }
    }
}

/// Tells a request body that failed on our side from a connection that failed on the other.
fn exchange_cause(error: &hyper::Error) -> Cause {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        match current.downcast_ref::<gateway_exchange::BodyError>() {
            Some(gateway_exchange::BodyError::TooLarge { .. }) => return Cause::BodyTooLarge,
            Some(_) => return Cause::ClientGone,
            None => source = current.source(),
        }
    }
    if error.is_parse() || error.is_parse_status() { Cause::UpstreamProtocol } else { Cause::UpstreamReset }
}
