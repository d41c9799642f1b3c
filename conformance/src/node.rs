//! Nodes: the servers behind the gateway. Each is ours and small, and writes down what it was asked.

mod grpc;
mod http1;
mod raw;
mod websocket;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::case::{NodeKind, NodeSpec, Reply};

/// What a node was asked.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The method of the request.
    pub method: String,
    /// Path and query as they arrived.
    pub target: String,
    /// Header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; of a gRPC call its first message.
    pub body: Vec<u8>,
    /// Fields after the body.
    pub trailers: Vec<(String, String)>,
    /// Whether the caller went away before it was answered.
    pub abandoned: bool,
}

impl Call {
    /// Returns service and method of a gRPC call, as they stand in its path.
    pub fn rpc(&self) -> Option<(&str, String)> {
        let (service, method) = self.target.strip_prefix('/')?.rsplit_once('/')?;
        let (service, handler) = service.rsplit_once('.')?;
        Some((service, format!("{handler}.{method}")))
    }
}

/// What the calls of a node are written into.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Returns the calls so far.
    pub fn all(&self) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Writes one down. Returns its place, for [`Calls::abandon`].
    fn add(&self, call: Call) -> usize {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
        calls.len() - 1
    }

    fn abandon(&self, place: usize) {
        if let Some(call) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
            call.abandoned = true;
        }
    }
}

/// Marks a call as abandoned unless it was answered.
struct Pending {
    calls: Calls,
    place: Option<usize>,
}

impl Pending {
    fn begin(calls: &Calls, call: Call) -> Self {
        Self { place: Some(calls.add(call)), calls: calls.clone() }
    }

    fn answered(mut self) {
        self.place = None;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.calls.abandon(place);
        }
    }
}

/// A running node. Dropping it ends it with all its connections.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    calls: Calls,
    connections: Arc<Mutex<usize>>,
    _task: JoinSet<()>,
    _reserved: Option<TcpSocket>,
}

impl Node {
    /// Starts a node on a free port.
    ///
    /// # Errors
    /// When no port can be had, or the node is the Go service, which is a program of its own.
    pub async fn start(spec: &NodeSpec) -> Result<Self> {
        let calls = Calls::default();
        let connections = Arc::new(Mutex::new(0));
        if spec.kind == NodeKind::Refused {
            // Bound but not listening: the port is ours, and whoever connects is refused.
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let address = socket.local_addr()?;
            return Ok(Self { address, calls, connections, _task: JoinSet::new(), _reserved: Some(socket) });
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for a node")?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(accept(listener, spec.kind, Arc::new(spec.reply.clone()), calls.clone(), Arc::clone(&connections)));
        Ok(Self { address, calls, connections, _task: task, _reserved: None })
    }

    /// Starts a node that answers as its kind does by default.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn of(kind: NodeKind) -> Result<Self> {
        Self::start(&NodeSpec { kind, reply: Reply::default() }).await
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what it was asked.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Returns how many connections it has accepted.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(
    listener: TcpListener,
    kind: NodeKind,
    reply: Arc<Reply>,
    calls: Calls,
    connections: Arc<Mutex<usize>>,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                *connections.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                tasks.spawn(serve(stream, kind, Arc::clone(&reply), calls.clone()));
            }
        }
    }
}

async fn serve(stream: TcpStream, kind: NodeKind, reply: Arc<Reply>, calls: Calls) {
    // Small answers must not wait for the other side's acknowledgement.
    let served = match stream.set_nodelay(true) {
        Err(error) => Err(error.into()),
        Ok(()) => match kind {
            NodeKind::Grpc | NodeKind::Peer => grpc::serve(stream, reply, calls).await,
            NodeKind::Http => http1::serve(stream, reply, calls).await,
            NodeKind::Raw => raw::serve(stream, &reply, &calls).await,
            NodeKind::Websocket => websocket::serve(stream, &calls).await,
            NodeKind::Refused => Ok(()),
        },
    };
    // A connection that breaks off is the gateway's business; the case looks at what the client saw.
    drop(served);
}

/// Returns the fields of a message in their order.
pub(crate) fn fields(headers: &http::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
