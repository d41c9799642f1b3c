//! HTTP/2 with prior knowledge: a few connections carry many exchanges at once.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use gateway_exchange::{Body, BodyEnd, BodyHook};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::h1::Answer;
use crate::connect::connect;
use crate::{PoolSettings, SendError, SendFailure};

/// How many connections a worker opens to one endpoint.
const CONNECTIONS_MAX: usize = 4;
/// How many exchanges one connection carries before the next is opened; common servers allow 100 or more.
const STREAMS_MAX: u32 = 100;
/// The largest header list that is read, in bytes: a long error of a Go service grows 3.7-fold in its trailers
/// (design 12), and hyper's default of 16 KiB would cut it.
const HEADER_LIST_BYTES_MAX: u32 = 1024 * 1024;
/// Receive windows, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

struct Connection {
    sender: SendRequest<Body>,
    in_flight: Cell<u32>,
}

/// The connections of one worker to one endpoint.
pub(crate) struct Pool {
    connections: RefCell<Vec<Rc<Connection>>>,
    /// One opens at a time: the others that wait find its connection when it is done.
    opening: tokio::sync::Mutex<()>,
    settings: PoolSettings,
}

impl Pool {
    pub(crate) fn new(settings: PoolSettings) -> Rc<Self> {
        Rc::new(Self { connections: RefCell::default(), opening: tokio::sync::Mutex::new(()), settings })
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Forgets connections that have ended.
    pub(crate) fn sweep(&self) {
        self.connections.borrow_mut().retain(|connection| !connection.sender.is_closed());
    }

    /// Sends on a connection with room, opening one where there is none. A request that a closing connection could not
    /// take goes to another once.
    pub(crate) async fn send(
        self: &Rc<Self>,
        address: SocketAddr,
        mut request: Box<http::Request<Body>>,
    ) -> Result<Answer, SendError> {
        for last in [false, true] {
            let connection = match self.connection(address).await {
                Ok(connection) => connection,
                Err(failure) => return Err(SendError { failure, unsent: Some(request) }),
            };
            let lease = Lease::take(&connection);
            match connection.sender.clone().try_send_request(*request).await {
                Ok(response) => return Ok((response, Box::new(lease))),
                Err(mut error) => {
                    let unsent = error.take_message();
                    let source = error.into_error();
                    match unsent {
                        Some(unsent) if !last => request = Box::new(unsent),
                        unsent => {
                            let failure = SendFailure::Exchange { address, source };
                            return Err(SendError { failure, unsent: unsent.map(Box::new) });
                        }
                    }
                }
            }
        }
        unreachable!("the second round returns")
    }

    async fn connection(&self, address: SocketAddr) -> Result<Rc<Connection>, SendFailure> {
        if let Some(connection) = self.with_room() {
            return Ok(connection);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(connection) = self.with_room() {
            return Ok(connection);
        }
        let stream = connect(address, self.settings.connect_timeout).await?;
        let (sender, connection) = builder()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| SendFailure::Exchange { address, source })?;
        // Owned by the worker's runtime: it ends with its senders, or when the worker ends.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, error = %error, "an upstream connection ended");
            }
        });
        let connection = Rc::new(Connection { sender, in_flight: Cell::new(0) });
        self.connections.borrow_mut().push(Rc::clone(&connection));
        Ok(connection)
    }

    /// Returns a live connection with room, or the least busy one when no more may be opened.
    fn with_room(&self) -> Option<Rc<Connection>> {
        self.sweep();
        let connections = self.connections.borrow();
        let least = connections.iter().min_by_key(|connection| connection.in_flight.get())?;
        (least.in_flight.get() < STREAMS_MAX || connections.len() >= CONNECTIONS_MAX).then(|| Rc::clone(least))
    }
}

fn builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADER_LIST_BYTES_MAX);
    builder
}

/// Runs hyper's tasks on the worker's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Counts one exchange of a connection.
struct Lease(Rc<Connection>);

impl Lease {
    fn take(connection: &Rc<Connection>) -> Self {
        connection.in_flight.set(connection.in_flight.get() + 1);
        Self(Rc::clone(connection))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get().saturating_sub(1));
    }
}

impl BodyHook for Lease {
    fn ended(self: Box<Self>, _end: BodyEnd, _bytes: u64) {}
}
