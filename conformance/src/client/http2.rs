//! HTTP/2 with prior knowledge.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Answer;
use crate::node::fields;
use crate::wait::PATIENCE;

/// Sends one request on a connection of its own.
///
/// # Errors
/// When no whole answer comes within [`PATIENCE`].
pub async fn send(
    address: SocketAddr,
    line: &str,
    host: &str,
    headers: &[(String, String)],
    body: Bytes,
) -> Result<Answer> {
    let (method, target) = line.split_once(' ').context("a request line is METHOD TARGET")?;
    let uri = Uri::builder().scheme("http").authority(host).path_and_query(target).build()?;
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(body))?;
    timeout(PATIENCE, exchange(address, request)).await.context("no whole answer in time")?
}

/// Sends any request on a connection of its own.
///
/// # Errors
/// When the exchange fails.
pub async fn exchange<B>(address: SocketAddr, request: Request<B>) -> Result<Answer>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let start = Instant::now();
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let mut owner = JoinSet::new();
    owner.spawn(async move { drop(connection.await) });
    let response = sender.send_request(request).await?;
    let (parts, incoming) = response.into_parts();
    let collected = incoming.collect().await?;
    let trailers = collected.trailers().map(fields).unwrap_or_default();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: fields(&parts.headers),
        body: collected.to_bytes(),
        trailers,
        took: start.elapsed(),
        ..Answer::default()
    })
}
