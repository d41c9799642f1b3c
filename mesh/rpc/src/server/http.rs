//! What is not gRPC on the port of a server.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::patient::Patient;

/// How long a request head may take, and how long a connection may be idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// The most bytes of a request head of HTTP/1.1.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The body of an answer.
pub type HttpBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Something that answers HTTP requests on the port of a [`Server`](super::Server).
#[async_trait]
pub trait HttpHandler: fmt::Debug + Send + Sync + 'static {
    /// Answers one request. Framing is made anew; the body may fail midway, which breaks the exchange off.
    ///
    /// The deadline of the exchange is the handler's own. It is dropped when the caller goes away. An answer 101 is
    /// an upgrade (`hyper::upgrade`), over HTTP/1.1 only.
    async fn answer(&self, remote: SocketAddr, request: Request<Incoming>) -> Response<HttpBody>;
}

/// Serves a connection of HTTP/1.1 until it ends; after the shutdown began, until its exchange has ended.
pub(super) async fn converse(
    stream: Patient<TcpStream>,
    remote: SocketAddr,
    handler: Arc<dyn HttpHandler>,
    shutdown: CancellationToken,
) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.answer(remote, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
