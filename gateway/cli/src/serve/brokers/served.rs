//! The broker of this process: kept in memory, and offered to others over gRPC and HTTP where the document says so.

use std::net::TcpListener as StdListener;
use std::sync::Arc;

use mesh_broker::{Broker, Memory, server};
use mesh_rpc::guard::Allowed;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How many changes of address may wait.
const CHANGES: usize = 4;

/// The broker of this process. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Served {
    memory: Memory,
    sockets: mpsc::Sender<Vec<StdListener>>,
}

impl Served {
    /// Starts a broker without subscribers. Others reach it once it is given sockets. It ends with the token.
    pub(in crate::serve) fn start(tasks: &mut JoinSet<()>, end: CancellationToken) -> Self {
        let (sockets, given) = mpsc::channel(CHANGES);
        let memory = Memory::new();
        tasks.spawn(serve(Arc::new(memory.clone()), given, end));
        Self { memory, sockets }
    }

    /// Returns the broker.
    pub(in crate::serve) fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Listens on these from now on, and no more on those before: who subscribed there subscribes again.
    ///
    /// Returns false when it was told too often before it could follow, or has ended.
    pub(in crate::serve) fn listen(&self, sockets: Vec<StdListener>) -> bool {
        self.sockets.try_send(sockets).is_ok()
    }
}

async fn serve(broker: Arc<dyn Broker>, mut given: mpsc::Receiver<Vec<StdListener>>, end: CancellationToken) {
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
                    serving.spawn(server::serve(socket, Arc::clone(&broker), allowed, current.clone()));
                }
                Err(error) => tracing::error!(%error, "a socket of the embedded broker cannot be used"),
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
        tracing::error!(%error, "a listener of the embedded broker ended in a panic");
    }
}
