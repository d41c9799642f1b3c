//! The way to another broker: one connection, kept as long as it works.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use mesh_rpc::client::{Client, ConnectError as RpcConnectError, Target};
use mesh_rpc::error::CLIENT_ID;
use mesh_rpc::{Codec, RpcError};
use tokio::sync::Mutex;

use super::ADDRESS_DEFAULT;
use crate::broker::Origin;
use crate::connect::ConnectError;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Link {
    addresses: Vec<String>,
    /// The address in use; goes on when it fails.
    current: AtomicUsize,
    /// The connection, and to which address it is.
    connection: Mutex<Option<(usize, Client)>>,
}

impl Link {
    pub(super) fn new(addresses: &[String]) -> Result<Link, ConnectError> {
        let given = addresses.iter().map(|address| address.trim()).filter(|address| !address.is_empty());
        let mut addresses = given.map(with_port).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            addresses.push(ADDRESS_DEFAULT.to_owned());
        }
        Ok(Link { addresses, current: AtomicUsize::new(0), connection: Mutex::default() })
    }

    /// Returns the addresses for people.
    pub(super) fn addresses(&self) -> String {
        self.addresses.join(", ")
    }

    /// Calls; each address is tried once where there is no answer.
    pub(super) async fn call(&self, target: &Target<'_>, request: &[u8]) -> Result<Bytes, RpcError> {
        let mut failure = None;
        for _ in &self.addresses {
            let (at, client) = match self.connected().await {
                Ok(connected) => connected,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            match client.call_bytes(target.clone(), Codec::Proto, request).await {
                Err(error) if error.id == CLIENT_ID && matches!(error.code, 408 | 502) => {
                    self.leave(at).await;
                    failure = Some(error);
                }
                answered => return answered,
            }
        }
        Err(failure.unwrap_or_else(|| RpcError::internal(CLIENT_ID, "there is no address")))
    }

    /// Returns the connection in use, or a new one to the address that is next.
    pub(super) async fn connected(&self) -> Result<(usize, Client), RpcError> {
        // Whoever waits here waits for a connection, for no longer than that may take.
        let mut connection = self.connection.lock().await;
        if let Some((at, client)) = connection.as_ref().filter(|(_, client)| !client.is_closed()) {
            return Ok((*at, client.clone()));
        }
        *connection = None;
        let at = self.current.load(Ordering::Relaxed) % self.addresses.len();
        match Client::connect(&self.addresses[at], CONNECT_TIMEOUT).await {
            Ok(client) => {
                *connection = Some((at, client.clone()));
                Ok((at, client))
            }
            Err(error) => {
                self.current.store(at + 1, Ordering::Relaxed);
                Err(RpcError::new(CLIENT_ID, 502, text(&error)))
            }
        }
    }

    /// Leaves an address that did not answer.
    async fn leave(&self, at: usize) {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_some_and(|(current, _)| *current == at) {
            *connection = None;
            self.current.store(at + 1, Ordering::Relaxed);
        }
    }
}

fn text(error: &RpcConnectError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn with_port(address: &str) -> Result<String, ConnectError> {
    let wrong = |reason: &str| ConnectError::Address {
        kind: Origin::SERVICE,
        address: address.to_owned(),
        reason: reason.to_owned(),
    };
    let authority: Authority = address.parse().map_err(|_| wrong("`host` or `host:port` is expected"))?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(wrong("`host` or `host:port` is expected"));
    }
    Ok(if authority.port_u16().is_some() { address.to_owned() } else { format!("{address}:8001") })
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn addresses_have_a_port() {
        let link = |addresses: &[&str]| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Link::new(&addresses).map(|link| link.addresses()).map_err(|error| error.to_string())
        };
        assert_eq!(link(&[]).as_deref(), Ok("127.0.0.1:8001"));
        assert_eq!(link(&["broker", "[::1]:1"]).as_deref(), Ok("broker:8001, [::1]:1"));
        assert_eq!(
            link(&["http://x"]).expect_err("is none"),
            "\"http://x\" is not an address of a broker of kind `service`: `host` or `host:port` is expected"
        );
    }
}
