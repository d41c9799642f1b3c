//! Calls to `go.micro.registry`: one connection, kept as long as it works.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mesh_rpc::client::{ConnectError, Stream, Target};
use mesh_rpc::error::CLIENT_ID;
use mesh_rpc::{Codec, RpcError};
use proto::registry as wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::ORIGIN;
use crate::limits;
use crate::model::Service;
use crate::protocol::{NAME, of_wire};
use crate::registry::Unavailable;

/// Where go-micro looks for a registry of this kind.
const ADDRESS_DEFAULT: &str = "127.0.0.1:8000";
const PORT_DEFAULT: u16 = 8000;

/// The most addresses that are named.
const ADDRESSES_MAX: usize = 64;

/// How long it may take to be connected, and to be answered.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The most nodes that are taken from one answer.
const NODES_MAX: usize = 65_536;

/// An address that cannot be one of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is not `host` or `host:port`.
    #[error("{address:?} is no address of a registry: expected `host` or `host:port`")]
    Address {
        /// What was given.
        address: String,
    },
    /// There are too many.
    #[error("{count} addresses of a registry, at most {ADDRESSES_MAX} are accepted")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// The connection to an address, by its number.
type Connection = Option<(usize, Arc<mesh_rpc::Client>)>;

/// The way to the registry.
#[derive(Debug)]
pub(super) struct Client {
    addresses: Vec<String>,
    /// The address that is in use; goes on when it fails.
    current: AtomicUsize,
    /// Locked while an address is dialled.
    connection: Mutex<Connection>,
}

impl Client {
    pub(super) fn new(addresses: Vec<String>) -> Result<Client, InvalidAddress> {
        if addresses.len() > ADDRESSES_MAX {
            return Err(InvalidAddress::TooMany { count: addresses.len() });
        }
        let mut addresses = addresses.into_iter().map(with_port).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            addresses.push(ADDRESS_DEFAULT.to_owned());
        }
        Ok(Client { addresses, current: AtomicUsize::new(0), connection: Mutex::default() })
    }

    /// Returns whether it is on this host at every address, and so is who registers there.
    pub(super) fn is_local(&self) -> bool {
        self.addresses.iter().all(|address| {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
        })
    }

    pub(super) async fn register(&self, service: &wire::Service) -> Result<(), Unavailable> {
        let _: wire::EmptyResponse = self.call("Registry.Register", service).await.map_err(unavailable)?;
        Ok(())
    }

    pub(super) async fn deregister(&self, service: &wire::Service) -> Result<(), Unavailable> {
        let _: wire::EmptyResponse = self.call("Registry.Deregister", service).await.map_err(unavailable)?;
        Ok(())
    }

    /// Returns the versions of a service; none where it is not known.
    pub(super) async fn get(&self, name: &str) -> Result<Vec<Service>, Unavailable> {
        let request = wire::GetRequest { service: name.to_owned() };
        match self.call::<_, wire::GetResponse>("Registry.GetService", &request).await {
            // The real one may answer a question about a namespace with names without it.
            Ok(answer) => Ok(believable(answer.services, |service| service.name == name)),
            Err(error) if error.code == 404 => Ok(Vec::new()),
            Err(error) => Err(unavailable(error)),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Service>, Unavailable> {
        let answer: wire::ListResponse =
            self.call("Registry.ListServices", &wire::ListRequest {}).await.map_err(unavailable)?;
        Ok(believable(answer.services, |_| true))
    }

    /// Begins a watch. What it tells, and whether the other side has one, comes with its messages.
    pub(super) async fn watch(&self) -> Result<Stream, Unavailable> {
        let (_, connection) = self.connected().await.map_err(unavailable)?;
        let target = Target { timeout: CALL_TIMEOUT, ..Target::new(NAME, "Registry.Watch") };
        let mut stream = connection.stream(&target, Codec::Proto).map_err(unavailable)?;
        let all = wire::WatchRequest { service: String::new() };
        stream.send(&all).await.map_err(|error| unavailable(error.to_micro()))?;
        Ok(stream)
    }

    /// Asks each address once at most. An answer, also an error, is one.
    async fn call<Q, R>(&self, endpoint: &str, request: &Q) -> Result<R, RpcError>
    where
        Q: prost::Message + Serialize,
        R: prost::Message + Default + DeserializeOwned,
    {
        let mut failure = None;
        for _ in &self.addresses {
            let (at, connection) = match self.connected().await {
                Ok(connected) => connected,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            let target = Target { timeout: CALL_TIMEOUT, ..Target::new(NAME, endpoint) };
            match connection.call(target, Codec::Proto, request).await {
                Err(error) if error.id == CLIENT_ID && matches!(error.code, 408 | 502) => {
                    self.leave(at, Some(&connection)).await;
                    failure = Some(error);
                }
                answered => return answered,
            }
        }
        Err(failure.unwrap_or_else(|| RpcError::internal(CLIENT_ID, "there is no address")))
    }

    /// Waits for those who dial. Each of those before may take as long as dialling may, so the wait is bounded, too.
    async fn locked(&self) -> Result<MutexGuard<'_, Connection>, RpcError> {
        timeout(CONNECT_TIMEOUT, self.connection.lock()).await.map_err(|_| RpcError::deadline_exceeded())
    }

    /// Returns the connection in use, or a new one to the address that is next.
    pub(super) async fn connected(&self) -> Result<(usize, Arc<mesh_rpc::Client>), RpcError> {
        let mut connection = self.locked().await?;
        if let Some((at, known)) = &*connection
            && !known.is_closed()
        {
            return Ok((*at, Arc::clone(known)));
        }
        let at = self.current.load(Ordering::Relaxed) % self.addresses.len();
        let address = &self.addresses[at];
        match mesh_rpc::Client::connect(address, CONNECT_TIMEOUT).await {
            Ok(new) => {
                let new = Arc::new(new);
                *connection = Some((at, Arc::clone(&new)));
                Ok((at, new))
            }
            Err(error) => {
                *connection = None;
                drop(connection);
                self.leave(at, None).await;
                Err(not_connected(&error))
            }
        }
    }

    /// Goes on to the next address, unless somebody has already.
    async fn leave(&self, at: usize, failed: Option<&Arc<mesh_rpc::Client>>) {
        // Who dials for longer replaces it anyway.
        if let Some(failed) = failed
            && let Ok(mut connection) = self.locked().await
            && connection.as_ref().is_some_and(|(_, known)| Arc::ptr_eq(known, failed))
        {
            *connection = None;
        }
        let next = (at + 1) % self.addresses.len();
        if self.current.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() && next != at {
            tracing::debug!(left = self.addresses[at], next = self.addresses[next], "another address of the registry");
        }
    }
}

/// As Go says it, so that a command prints what the real one does.
fn not_connected(error: &ConnectError) -> RpcError {
    let reason = match error {
        ConnectError::Unreachable { address, source } => format!("dial tcp {address}: {source}"),
        ConnectError::Timeout { address, .. } => format!("dial tcp {address}: i/o timeout"),
        ConnectError::Address { .. } | ConnectError::Handshake { .. } | ConnectError::Tls { .. } => error.to_string(),
    };
    RpcError::internal(CLIENT_ID, format!("connection error: desc = \"transport: Error while dialing {reason}\""))
}

fn unavailable(error: RpcError) -> Unavailable {
    Unavailable { origin: ORIGIN, reason: error.detail.clone(), source: Some(Box::new(error)) }
}

/// Leaves out what no registry should hold. A remote registry is believed as little as any other peer.
fn believable(services: Vec<wire::Service>, is_wanted: impl Fn(&Service) -> bool) -> Vec<Service> {
    let (mut nodes, mut left_out, mut reason) = (0, 0_usize, None);
    let services = services.into_iter().map(of_wire).filter(|service| {
        if !is_wanted(service) || service.nodes.is_empty() {
            return false; // the real one keeps services whose last node is gone
        }
        nodes += service.nodes.len();
        let checked = limits::check(service);
        let is_good = checked.is_ok() && nodes <= NODES_MAX;
        if !is_good {
            left_out += 1;
            reason = reason.take().or_else(|| checked.err());
        }
        is_good
    });
    let services: Vec<Service> = services.collect();
    if left_out > 0 {
        let reason = reason.map_or_else(|| format!("more than {NODES_MAX} nodes"), |reason| reason.to_string());
        tracing::debug!(left_out, reason, "records of a remote registry are left out");
    }
    services
}

/// `host` gets the port of registries.
fn with_port(address: String) -> Result<String, InvalidAddress> {
    let parsed: http::uri::Authority = match address.parse() {
        Ok(parsed) => parsed,
        Err(_) => return Err(InvalidAddress::Address { address }),
    };
    let (host, port) = (parsed.host(), parsed.port());
    let is_split = address.strip_prefix(host).is_some_and(|rest| rest.is_empty() || port.is_some());
    if host.is_empty() || !is_split || port.as_ref().is_some_and(|port| port.as_u16() == 0) {
        return Err(InvalidAddress::Address { address });
    }
    Ok(format!("{host}:{}", port.map_or(PORT_DEFAULT, |port| port.as_u16())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_those_who_dial_waits_as_long_as_dialling_may_take() {
        let client = Client::new(Vec::new()).unwrap();
        let dialling = client.connection.lock().await;
        let error = client.connected().await.unwrap_err();
        assert_eq!((&*error.id, error.code), (CLIENT_ID, 408));
        drop(dialling);
    }
}
