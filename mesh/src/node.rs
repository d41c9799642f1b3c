//! A running command as others see it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mesh_registry::{Registry, announce};
use mesh_rpc::Server;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::identity::Identity;

/// The registries in which a process is registered, now and whenever that changes. A registry that stays is known by its
/// pointer; one that is no longer there is told that the process left it.
pub type Registries = watch::Receiver<Vec<Arc<dyn Registry>>>;

/// A running command as others see it: its RPC server, which answers `Debug` and what else it was given, and its
/// registrations.
///
/// Dropping it ends the server at once, and leaves the registrations to expire; [`Node::stop`] does it in order.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    memberships: Vec<Membership>,
    serving: JoinSet<()>,
    end: CancellationToken,
}

impl Node {
    /// Serves at an address (`host:port`; without a host: all addresses, IPv4 alone where IPv6 is off), and registers
    /// under every identity.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(
        address: &str,
        server: Server,
        identities: Vec<Identity>,
        registries: &Registries,
    ) -> io::Result<Node> {
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        let (mut serving, end) = (JoinSet::new(), CancellationToken::new());
        serving.spawn(server.serve(listener, end.clone()));
        let join = |identity| Membership::join(identity, address, registries.clone());
        let memberships = identities.into_iter().map(join).collect();
        Ok(Node { address, memberships, serving, end })
    }

    /// Returns where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leaves the registries, so that nobody calls any more; calls are still answered.
    pub async fn leave(&mut self) {
        let leaving = self.memberships.drain(..).map(Membership::leave);
        futures_util::future::join_all(leaving).await;
    }

    /// Leaves the registries, then ends the server once its calls have ended.
    pub async fn stop(mut self) {
        self.leave().await;
        self.end.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

/// A process as it is registered: for those that serve by themselves, such as a registry.
///
/// Dropping it leaves the registrations to expire.
#[derive(Debug)]
pub struct Membership {
    task: JoinSet<()>,
    leave: CancellationToken,
}

impl Membership {
    /// Registers an identity, served at an address, and keeps it registered.
    pub fn join(identity: Identity, bound: SocketAddr, registries: Registries) -> Membership {
        let (mut task, leave) = (JoinSet::new(), CancellationToken::new());
        task.spawn(follow(identity, bound, registries, leave.clone()));
        Membership { task, leave }
    }

    /// Leaves all registries; each has five seconds to hear of it.
    pub async fn leave(mut self) {
        self.leave.cancel();
        while self.task.join_next().await.is_some() {}
    }
}

/// One registry in which the process is announced.
struct Announced {
    registry: Arc<dyn Registry>,
    leave: CancellationToken,
}

/// Keeps the process announced in every registry there is, until it is to leave. Each registry has a task of its own:
/// one that does not answer holds up no other.
async fn follow(identity: Identity, bound: SocketAddr, mut registries: Registries, leave: CancellationToken) {
    let mut announced: Vec<Announced> = Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        let wanted = registries.borrow_and_update().clone();
        announced.retain(|known| {
            let stays = wanted.iter().any(|registry| Arc::ptr_eq(registry, &known.registry));
            if !stays {
                known.leave.cancel();
            }
            stays
        });
        for registry in wanted {
            if !announced.iter().any(|known| Arc::ptr_eq(&registry, &known.registry)) {
                let leave = leave.child_token();
                tasks.spawn(keep(Arc::clone(&registry), identity.clone(), bound, leave.clone()));
                announced.push(Announced { registry, leave });
            }
        }
        tokio::select! {
            () = leave.cancelled() => break,
            changed = registries.changed() => if changed.is_err() {
                // They stay as they are.
                leave.cancelled().await;
                break;
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn keep(registry: Arc<dyn Registry>, identity: Identity, bound: SocketAddr, leave: CancellationToken) {
    let origin = registry.origin();
    let service = identity.service(bound, &origin);
    if let Err(error) = announce(registry, service, identity.lease, leave).await {
        tracing::error!(%error, service = identity.name, registry = %origin, "this process cannot be registered");
    }
}

/// Listens at an address (`host:port`; without a host: all addresses, IPv4 alone where IPv6 is off).
///
/// # Errors
/// When it cannot be bound.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    match address.strip_prefix(':') {
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
        },
        None => TcpListener::bind(address).await,
    }
}
