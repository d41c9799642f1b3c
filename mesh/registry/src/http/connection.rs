//! One connection to the registry.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{DRAIN_TIMEOUT, Door, exchange};

/// How long a request head may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// The most bytes of a request head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long a connection may last. It ends after the exchange it is in; a client that heartbeats connects again.
/// This also ends what a client that does not read its answer would hold for ever.
const AGE_MAX: Duration = Duration::from_mins(15);

/// Serves a connection until it ends, is too old, or the shutdown begins.
///
/// HTTP/1.1 only. The gRPC form of the registry shares the port: it is told apart here, by the preface of HTTP/2.
pub(super) async fn serve(stream: TcpStream, door: Arc<Door>, shutdown: CancellationToken) {
    // A peer that is gone already has no address; its request will not be read.
    let peer = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical());
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    let service = service_fn(|request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, std::convert::Infallible>(exchange::answer(&door, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ended(&shutdown) => {
            connection.as_mut().graceful_shutdown();
            timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection to the registry broke");
    }
}

async fn ended(shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = sleep(AGE_MAX) => {}
    }
}
