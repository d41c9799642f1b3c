//! This process as a service among others: `micro list services` shows it, and its `Debug` answers.

use std::net::SocketAddr;
use std::time::Duration;

use config_schema::Preset;
use futures_util::future::join_all;
use mesh::{Identity, Membership, Node};
use mesh_registry::{Lease, Origin};
use mesh_rpc::Server;

use super::registries::Registries;
use crate::arguments::Invocation;

/// Where the RPC server listens unless told otherwise: where others may ask it, on all addresses; where nobody else finds
/// it, as the registry is that of this process alone, on loopback.
const SHARED: &str = ":0";
const ALONE: &str = "127.0.0.1:0";

/// The names of a registry and of a broker that are served to others.
const REGISTRY: &str = "go.micro.registry";
const BROKER: &str = "go.micro.broker";

/// Why this process is no service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// A setting is not what it should be.
    #[error("--{flag}: {value:?} is no number of seconds")]
    Seconds { flag: &'static str, value: String },
    /// The address cannot be bound.
    #[error("--server_address: {address} cannot be bound")]
    Bind {
        address: String,
        #[source]
        source: std::io::Error,
    },
}

/// The services that this process is.
#[derive(Debug)]
pub(super) struct Members {
    /// Those with an RPC server of their own.
    pub(super) nodes: Vec<Node>,
    /// Those that are served elsewhere in this process.
    elsewhere: Vec<Membership>,
}

impl Members {
    /// Leaves the registries, so that nobody calls any more; calls are still answered.
    pub(super) async fn leave(&mut self) {
        let nodes = join_all(self.nodes.iter_mut().map(Node::leave));
        let elsewhere = join_all(self.elsewhere.drain(..).map(Membership::leave));
        tokio::join!(nodes, elsewhere);
    }

    /// Ends the RPC servers once their calls have ended.
    pub(super) async fn stop(mut self) {
        self.leave().await;
        join_all(self.nodes.into_iter().map(Node::stop)).await;
    }
}

/// Starts the RPC server of this process, and registers it wherever the document looks for services. A registry that is
/// served to others is `go.micro.registry` at its own address, a broker `go.micro.broker`.
pub(super) async fn join(
    invocation: &Invocation,
    registries: &Registries,
    registry: Option<SocketAddr>,
    broker: Option<SocketAddr>,
) -> Result<Members, JoinError> {
    let joined = registries.joined();
    let mut members = Members { nodes: Vec::new(), elsewhere: Vec::new() };
    match (invocation.preset, registry, broker) {
        (Preset::Registry, Some(address), _) => {
            members.elsewhere.push(Membership::join(identity(invocation, REGISTRY)?, address, joined));
            return Ok(members);
        }
        (Preset::Broker, _, Some(address)) => {
            members.elsewhere.push(Membership::join(identity(invocation, BROKER)?, address, joined));
            return Ok(members);
        }
        (Preset::Server, ..) => {
            for (name, address) in [(REGISTRY, registry), (BROKER, broker)] {
                let join = |address| Membership::join(Identity::new(name), address, joined.clone());
                members.elsewhere.extend(address.map(join));
            }
        }
        _ => {}
    }
    let identity = identity(invocation, name(invocation.preset))?;
    let is_alone = joined.borrow().iter().all(|registry| registry.origin() == Origin::MEMORY);
    let address = invocation.setting("server_address").unwrap_or(if is_alone { ALONE } else { SHARED });
    let node = Node::start(address, Server::new(), vec![identity], &joined).await;
    members.nodes.push(node.map_err(|source| JoinError::Bind { address: address.to_owned(), source })?);
    Ok(members)
}

/// What `MICRO_SERVER_*` and `MICRO_REGISTER_*` say of this process.
///
/// # Errors
/// When a time is no number of seconds.
pub(crate) fn identity(invocation: &Invocation, name: &str) -> Result<Identity, JoinError> {
    let setting = |flag: &str| invocation.setting(flag);
    let mut identity = Identity::new(setting("server_name").unwrap_or(name));
    if let Some(version) = setting("server_version") {
        version.clone_into(&mut identity.version);
    }
    if let Some(id) = setting("server_id") {
        id.clone_into(&mut identity.id);
    }
    if let Some(broker) = setting("broker") {
        broker.clone_into(&mut identity.broker);
    }
    identity.advertise = setting("server_advertise").map(str::to_owned);
    identity.metadata = setting("server_metadata").map(Identity::labels).unwrap_or_default();
    let seconds = |flag: &'static str| {
        let value = setting(flag).map(|value| (value, value.parse().map(Duration::from_secs)));
        value
            .map(|(value, seconds)| seconds.map_err(|_| JoinError::Seconds { flag, value: value.to_owned() }))
            .transpose()
    };
    let Lease { ttl, interval } = identity.lease;
    // No time at all is none that ends, as in go-micro.
    let ttl = seconds("register_ttl")?.map_or(ttl, |ttl| Some(ttl).filter(|ttl| !ttl.is_zero()));
    let interval = seconds("register_interval")?.filter(|interval| !interval.is_zero()).unwrap_or(interval);
    identity.lease = Lease { ttl, interval };
    Ok(identity)
}

/// The name under which a command is known.
const fn name(preset: Preset) -> &'static str {
    match preset {
        Preset::Api | Preset::Demo => "go.micro.api",
        Preset::Gateway => "go.micro.gateway",
        Preset::Registry => REGISTRY,
        Preset::Broker => BROKER,
        Preset::Server => "go.micro.server",
    }
}
