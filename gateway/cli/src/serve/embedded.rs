//! The registry of this process: kept in memory, and offered to others over HTTP and gRPC; where it is joined, together
//! with what other registries know.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use mesh_registry::guard::Allowed;
use mesh_registry::{Memory, Noted, Offered, Registry, Several, server};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How many changes of address may wait.
const CHANGES: usize = 4;

/// How many events of registrations may wait to be published; what comes beyond is left out.
const EVENTS: usize = 256;

/// The registry of this process. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Embedded {
    memory: Memory,
    offered: Offered,
    /// What it is offered together with.
    others: watch::Sender<Vec<Arc<dyn Registry>>>,
    ttl_default: watch::Sender<Duration>,
    sockets: mpsc::Sender<Vec<StdListener>>,
}

impl Embedded {
    /// Starts an empty registry. Others reach it once it is given sockets. It ends with the token, after the exchanges
    /// it is in.
    ///
    /// What others register is told, as events that are to be published ([`mesh_registry::noted`]).
    pub(super) fn start(tasks: &mut JoinSet<()>, end: CancellationToken) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (sockets, given) = mpsc::channel(CHANGES);
        let (events, told) = mpsc::channel(EVENTS);
        let memory = Memory::new();
        let (ttl_default, ttl) = watch::channel(server::TTL_DEFAULT);
        let offered = Offered::new(Arc::new(memory.clone()));
        let server = format!("go.micro.registry-{}", uuid::Uuid::new_v4());
        let served = Noted::new(Arc::new(offered.clone()), server, events);
        tasks.spawn(serve(Arc::new(served), ttl, given, end));
        (Self { memory, offered, others: watch::Sender::default(), ttl_default, sockets }, told)
    }

    /// Returns the registry.
    pub(super) fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(self.memory.clone())
    }

    /// Offers it to others together with these from now on: what is registered is registered with all. Where they are
    /// those before, nobody who watches is told anything.
    pub(super) fn offer(&self, others: Vec<Arc<dyn Registry>>) {
        self.others.send_if_modified(|known| {
            let is_same = |(one, other): (&Arc<_>, &Arc<_>)| Arc::ptr_eq(one, other);
            let is_new = known.len() != others.len() || !known.iter().zip(&others).all(is_same);
            if is_new {
                let members = std::iter::once(self.registry()).chain(others.iter().cloned());
                self.offered.offer(Several::of(members));
                *known = others;
            }
            is_new
        });
    }

    /// Gives this time to registrations from now on that name none. Those before keep theirs until they are renewed
    /// by a registration.
    pub(super) fn lease(&self, ttl: Duration) {
        self.ttl_default.send_replace(ttl);
    }

    /// Listens on these from now on, and no more on those before. What is registered stays.
    ///
    /// Returns false when it was told too often before it could follow, or has ended.
    pub(super) fn listen(&self, sockets: Vec<StdListener>) -> bool {
        self.sockets.try_send(sockets).is_ok()
    }

    /// Waits until nothing is served any more.
    pub(super) async fn ended(&self) {
        self.sockets.closed().await;
    }
}

async fn serve(
    registry: Arc<dyn Registry>,
    ttl_default: watch::Receiver<Duration>,
    mut given: mpsc::Receiver<Vec<StdListener>>,
    end: CancellationToken,
) {
    let mut serving = JoinSet::new();
    let mut current = end.child_token();
    loop {
        let sockets = tokio::select! {
            () = end.cancelled() => break,
            Some(ended) = serving.join_next() => {
                report(ended);
                continue;
            }
            Some(sockets) = given.recv() => sockets,
        };
        current.cancel();
        current = end.child_token();
        for socket in sockets {
            match adopt(socket) {
                Ok((socket, allowed)) => {
                    let (registry, ttl) = (Arc::clone(&registry), ttl_default.clone());
                    serving.spawn(server::serve(socket, registry, allowed, ttl, current.clone()));
                }
                Err(error) => tracing::error!(%error, "a socket of the embedded registry cannot be used"),
            }
        }
    }
    while let Some(ended) = serving.join_next().await {
        report(ended);
    }
}

fn adopt(socket: StdListener) -> std::io::Result<(TcpListener, Allowed)> {
    socket.set_nonblocking(true)?;
    let allowed = Allowed::listening(socket.local_addr()?);
    Ok((TcpListener::from_std(socket)?, allowed))
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a listener of the embedded registry ended in a panic");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use mesh_registry::{Change, Node, RegisterOptions, Service};

    use super::*;

    #[tokio::test]
    async fn who_watches_is_told_of_other_registries_only() {
        let (embedded, _events) = Embedded::start(&mut JoinSet::new(), CancellationToken::new());
        let service = Service::new("s").with_node(Node::new("a", "10.0.0.1:1"));
        let other: Arc<dyn Registry> = Arc::new(Memory::new());
        other.register(service.clone(), RegisterOptions::default()).await.unwrap();
        embedded.offer(vec![Arc::clone(&other)]);
        let mut watch = embedded.offered.watch().await.unwrap();
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![service]));
        embedded.offer(vec![other]);
        assert!(watch.next().now_or_never().is_none(), "they are the same");
        embedded.offer(vec![]);
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![]));
    }
}
