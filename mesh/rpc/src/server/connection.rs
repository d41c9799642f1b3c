//! One connection of a caller.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::patient::Patient;
use super::{Server, exchange, http, mucp};
use crate::owner::Owner;

/// What every HTTP/2 client says first (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client may take to say it.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often to look again for a preface that came in parts, which hardly ever happens.
const PREFACE_PAUSE: Duration = Duration::from_millis(10);

/// When to ask a silent client whether it is there, and how long to wait for the answer.
const PING_INTERVAL: Duration = Duration::from_mins(1);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How much of requests may be under way: for one call, for a connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Serves a connection until it ends; after the shutdown began, until its calls have ended.
pub(super) async fn serve(stream: TcpStream, server: Arc<Server>, owner: Owner, shutdown: CancellationToken) {
    let Ok(remote) = stream.peer_addr() else { return };
    let spoken = tokio::select! {
        () = shutdown.cancelled() => return,
        spoken = timeout(PREFACE_TIMEOUT, speaks_http2(&stream)) => spoken,
    };
    let is_http2 = match spoken {
        Ok(Ok(is_http2)) => is_http2,
        Ok(Err(error)) => return tracing::debug!(%remote, %error, "a connection broke before it spoke"),
        Err(_) => return tracing::debug!(%remote, timeout = ?PREFACE_TIMEOUT, "a connection was silent for too long"),
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    let result = match server.http.clone() {
        _ if is_http2 => converse(stream, remote, server, owner, shutdown).await,
        Some(handler) => http::converse(Patient::new(stream), remote, handler, shutdown).await,
        None if server.mucp => {
            if let Err(error) = mucp::serve(stream, remote, server, shutdown).await {
                tracing::debug!(%remote, %error, "a MUCP connection broke");
            }
            return;
        }
        None => return tracing::debug!(%remote, "a connection was closed: it does not speak HTTP/2"),
    };
    if let Err(error) = result {
        tracing::debug!(%remote, %error, "an RPC connection broke");
    }
}

async fn converse(
    stream: TcpStream,
    remote: SocketAddr,
    server: Arc<Server>,
    owner: Owner,
    shutdown: CancellationToken,
) -> hyper::Result<()> {
    let mut builder = http2::Builder::new(owner);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(server.limits.header_bytes)
        .max_concurrent_streams(server.limits.streams)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .auto_date_header(false); // Go sends none
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(exchange::answer(&server, remote, request).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Patient::new(stream)), service));
    tokio::select! {
        result = connection.as_mut() => return result,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Waits for the preface without taking it.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut buffer = [0; PREFACE.len()];
    loop {
        let peeked = stream.peek(&mut buffer).await?;
        let (seen, _) = buffer.split_at(peeked);
        if peeked == 0 || !PREFACE.starts_with(seen) {
            return Ok(false);
        }
        if peeked == PREFACE.len() {
            return Ok(true);
        }
        sleep(PREFACE_PAUSE).await;
    }
}
