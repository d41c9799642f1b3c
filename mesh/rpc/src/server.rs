//! Serving what go-micro clients call: gRPC over HTTP/2 without TLS and, where it is asked for, MUCP.
//!
//! A [`Server`] holds handlers by name. The path `/anything.Say/Hello` goes to the handler `Say`, whatever stands
//! before it, and asks it for the method `Hello`; JSON and protobuf are told apart by the content type. Every
//! server also answers `Debug.Health`, `Stats`, `Log`, `Trace` and `Cache`, unless it is made by [`Server::bare`].
//!
//! What no name takes goes to the handler of [`Server::with_fallback`], and what is not gRPC at all, be it HTTP/1.1 or
//! HTTP/2, to the [`HttpHandler`] of [`Server::with_http`]: one port serves both.
//!
//! Unary calls and streams are one thing here, as on the wire: a handler receives messages and sends some. It runs
//! from the first message on and never waits for the end of the request, as Go's clients of server streams do not
//! half-close. It is dropped when the caller goes away or the deadline passes.
//!
//! ```no_run
//! use mesh_rpc::{Call, Handler, Server, Status};
//! use proto::greeter::{Request, Response};
//!
//! #[derive(Debug)]
//! struct Say;
//!
//! #[async_trait::async_trait]
//! impl Handler for Say {
//!     async fn call(&self, call: &mut Call) -> Result<(), Status> {
//!         match call.method() {
//!             "Hello" => {
//!                 let request: Request = call.request().await?;
//!                 call.send(&Response { msg: format!("Hello {}", request.name) }).await
//!             }
//!             _ => Err(call.unknown_method()),
//!         }
//!     }
//! }
//!
//! # async fn run() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
//! Server::new().with("Say", Say).serve(listener, tokio_util::sync::CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod call;
mod connection;
mod debug;
mod event;
mod exchange;
mod http;
mod mucp;
mod patient;
mod reply;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use self::call::Call;
pub use self::event::{Event, Subscriber};
pub use self::http::{HttpBody, HttpHandler};
use crate::debug::Journal;
use crate::frame::MESSAGE_BYTES_MAX;
use crate::owner::Owner;
use crate::status::Status;

/// How long to wait after `accept` failed, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Something that can be called: the methods of one name.
#[async_trait]
pub trait Handler: fmt::Debug + Send + Sync + 'static {
    /// Serves one call. Messages that were sent are delivered; the result becomes the status that ends the call,
    /// an [`RpcError`](crate::RpcError) the one of [`RpcError::to_grpc`](crate::RpcError::to_grpc).
    ///
    /// A panic ends this call only, with status 13 and an error object of `go.micro.server`.
    async fn call(&self, call: &mut Call) -> Result<(), Status>;
}

/// The bounds of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one message, in either direction. Default: 4 MiB, as go-micro.
    pub message_bytes: usize,
    /// The most bytes of the headers of one request, counted as HTTP/2 does. Default: 1 MiB.
    pub header_bytes: u32,
    /// The most calls at once on one connection. Default: 256.
    pub streams: u32,
    /// The most connections at once; further ones wait in the listener's queue. Default: 1024.
    pub connections: usize,
    /// How long calls may go on after the shutdown began. Default: 10 s.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: MESSAGE_BYTES_MAX,
            header_bytes: 1024 * 1024,
            streams: 256,
            connections: 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Handlers, and how they are served.
#[derive(Debug)]
pub struct Server {
    handlers: BTreeMap<String, Arc<dyn Handler>>,
    fallback: Option<Arc<dyn Handler>>,
    http: Option<Arc<dyn HttpHandler>>,
    limits: Limits,
    counters: Arc<Counters>,
    /// Whether MUCP is served, too.
    mucp: bool,
    subscriber: Option<Arc<dyn Subscriber>>,
    /// What spans go into. None where `Debug` is not answered.
    journal: Option<Journal>,
    /// Cancelled when the server begins to end.
    shutdown: CancellationToken,
}

/// What `Debug.Stats` tells.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    errors: AtomicU64,
}

impl Server {
    /// Returns a server that answers `Debug` only, out of the journal of the process.
    pub fn new() -> Server {
        Server::bare().with_journal(Journal::of_process())
    }

    /// Returns a server that answers nothing.
    pub fn bare() -> Server {
        Server {
            handlers: BTreeMap::new(),
            fallback: None,
            http: None,
            limits: Limits::default(),
            counters: Arc::default(),
            mucp: false,
            subscriber: None,
            journal: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// Answers `Debug`, and does so out of this journal; calls of all other handlers become spans in it.
    #[must_use]
    pub fn with_journal(mut self, journal: Journal) -> Server {
        let debug = debug::Debug::new(Arc::clone(&self.counters), journal.clone());
        self.journal = Some(journal);
        self.with("Debug", debug)
    }

    /// Adds a handler under a name, such as `Say`; replaces an earlier one of that name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, handler: impl Handler) -> Server {
        self.handlers.insert(name.into(), Arc::new(handler));
        self
    }

    /// Adds a handler for calls whose path names no other one, also those that are no method in Go's eyes:
    /// [`Call::path`] tells it what was asked for.
    #[must_use]
    pub fn with_fallback(mut self, handler: impl Handler) -> Server {
        self.fallback = Some(Arc::new(handler));
        self
    }

    /// Adds a handler for all that is not gRPC, over HTTP/1.1 and HTTP/2; and for gRPC calls whose path names no
    /// handler, if there is no fallback.
    #[must_use]
    pub fn with_http(mut self, handler: impl HttpHandler) -> Server {
        self.http = Some(Arc::new(handler));
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Server {
        self.limits = limits;
        self
    }

    /// Serves MUCP on the same listener: whoever does not begin with the preface of HTTP/2 speaks it, unless there is
    /// a handler for HTTP ([`Server::with_http`]), which has that place then.
    ///
    /// Each handler is then called by either protocol. Only `POST` is served, and nothing that a web page sends.
    #[must_use]
    pub fn with_mucp(mut self) -> Server {
        self.mucp = true;
        self
    }

    /// Sets what becomes of events that MUCP clients deliver. Without it they are acknowledged and dropped.
    #[must_use]
    pub fn with_subscriber(mut self, subscriber: impl Subscriber) -> Server {
        self.subscriber = Some(Arc::new(subscriber));
        self
    }

    /// Serves until the token is cancelled; then no connection is taken any more, callers are told (GOAWAY), and
    /// what goes on after [`Limits::drain_timeout`] is cut.
    ///
    /// Dropping the future cuts everything.
    pub async fn serve(mut self, listener: TcpListener, shutdown: CancellationToken) {
        self.shutdown = shutdown.clone();
        let free = Arc::new(Semaphore::new(self.limits.connections));
        let server = Arc::new(self);
        let owner = Owner::default();
        let cut = owner.cut_on_drop();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &free) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = connection::serve(stream, Arc::clone(&server), owner.clone(), shutdown.clone());
                    owner.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the RPC listener cannot accept, it tries again");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        if timeout(server.limits.drain_timeout, owner.ended()).await.is_err() {
            tracing::warn!(tasks = owner.len(), "RPC calls did not end in time, they are cut");
        }
        drop(cut);
        owner.ended().await;
    }
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

/// Takes a connection once there is room for one. Cancel safe: the permit goes back, nothing was accepted.
async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
