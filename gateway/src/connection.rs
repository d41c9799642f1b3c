//! One accepted connection: what it speaks, and its exchanges until it ends.

use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use gateway_exchange::Peer;
use gateway_snapshot::Listener;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::live::{Connection, Told};
use crate::serve::serve;
use crate::stream::{Progress, Spoken, Stream};
use crate::worker::Worker;

/// Windows of HTTP/2, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;
/// hyper needs at least this much room for a head, in bytes.
const HEAD_BYTES_MIN: usize = 8192;

/// Serves a connection in a task of its own, owned by the worker. A panic in it ends it alone.
pub(crate) fn accept(worker: &Rc<Worker>, listener: &Arc<Listener>, stream: TcpStream, peer: std::net::SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "nodelay was refused");
    }
    let progress = Arc::new(Progress::default());
    let connection =
        Rc::new(Connection::new(worker.live.next_id(), Peer::new(peer), Arc::clone(listener), Arc::clone(&progress)));
    worker.metrics.accepted.add(1);
    let (entered, closed) = (worker.live.enter(Rc::clone(&connection)), Closed(Rc::clone(worker)));
    let task = run(Rc::clone(worker), connection, Stream::plain(stream, progress));
    worker.tasks.spawn_local(async move {
        let _guards = (entered, closed);
        task.await;
    });
}

async fn run(worker: Rc<Worker>, connection: Rc<Connection>, mut stream: Stream) {
    let spoken = tokio::select! {
        spoken = stream.sniff() => spoken,
        told = connection.told() => {
            count(&worker, told);
            return;
        }
    };
    let Ok(spoken) = spoken else { return }; // it left without a word
    connection.spoken.set(spoken);
    match spoken {
        Spoken::Http1 if connection.listener.protocols.http1 => run_http1(&worker, &connection, stream).await,
        Spoken::Http2 if connection.listener.protocols.http2 => run_http2(&worker, &connection, stream).await,
        _ => tracing::debug!(peer = %connection.peer.address, ?spoken, "the listener does not speak this"),
    }
}

async fn run_http1(worker: &Rc<Worker>, connection: &Rc<Connection>, stream: Stream) {
    let limits = connection.listener.limits;
    let service = service(Rc::clone(worker), Rc::clone(connection));
    let served = http1::Builder::new()
        // hyper's own timeout registers a timer per request; the worker's sweep closes slow heads.
        .header_read_timeout(None)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes.max(HEAD_BYTES_MIN))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    let result = loop {
        tokio::select! {
            result = served.as_mut() => break result,
            told = connection.told() => match told {
                Told::Finish => served.as_mut().graceful_shutdown(),
                Told::End(_) => return count(worker, told),
            }
        }
    };
    note(worker, connection, result);
}

async fn run_http2(worker: &Rc<Worker>, connection: &Rc<Connection>, stream: Stream) {
    let limits = connection.listener.limits;
    let service = service(Rc::clone(worker), Rc::clone(connection));
    let served = http2::Builder::new(LocalExecutor(Rc::clone(worker)))
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let result = loop {
        tokio::select! {
            result = served.as_mut() => break result,
            told = connection.told() => match told {
                Told::Finish => served.as_mut().graceful_shutdown(),
                Told::End(_) => return count(worker, told),
            }
        }
    };
    note(worker, connection, result);
}

fn count(worker: &Worker, told: Told) {
    if let Told::End(cause) = told {
        worker.metrics.count_cause(cause);
    }
}

type Served = Result<http::Response<gateway_exchange::Body>, Infallible>;

fn service(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
) -> impl hyper::service::HttpService<
    hyper::body::Incoming,
    ResBody = gateway_exchange::Body,
    Error = Infallible,
    Future = impl Future<Output = Served>,
> {
    service_fn(move |request| {
        let response = serve(Rc::clone(&worker), Rc::clone(&connection), request);
        async move { Ok(response.await) }
    })
}

/// hyper answers what it cannot parse by itself, past our record: it is counted from the connection's error.
fn note(worker: &Worker, connection: &Connection, result: hyper::Result<()>) {
    let Err(error) = result else { return };
    if error.is_parse_too_large() {
        worker.metrics.count_cause(gateway_exchange::Cause::HeadTooLarge);
    } else if error.is_parse() {
        worker.metrics.count_cause(gateway_exchange::Cause::BadRequest);
    }
    tracing::debug!(peer = %connection.peer.address, error = &error as &dyn std::error::Error, "a connection ended");
}

/// Runs hyper's tasks, one per HTTP/2 stream, on the worker's thread and under its tracker.
#[derive(Clone)]
struct LocalExecutor(Rc<Worker>);

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        self.0.tasks.spawn_local(future);
    }
}

struct Closed(Rc<Worker>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.metrics.closed.add(1);
    }
}
