//! A small client for unary calls: one connection, kept as long as it works.
//!
//! For the control plane, the command line and tests. The gateway calls services through its own connections.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use crate::codec::{self, Codec, X_CONTENT_TYPE};
use crate::error::{CLIENT_ID, RpcError};
use crate::frame::{self, Decoder, MESSAGE_BYTES_MAX};
use crate::metadata;
use crate::method;
use crate::owner::Owner;
use crate::status::{Code, Status};
use crate::timeout::{GRPC_TIMEOUT, TIMEOUT, encode_grpc, encode_nanos};

/// The most bytes of the headers of a response. A long error of Go travels three times in its trailers.
const HEADER_BYTES_MAX: u32 = 1024 * 1024;

/// A connection to one node. Dropping it ends the connection and what is under way on it.
pub struct Client {
    sender: http2::SendRequest<OneMessage>,
    authority: Authority,
    /// Cuts the tasks of the connection.
    _cut: DropGuard,
}

/// What to call. Metadata that the call sets itself is left out ([`metadata::is_reserved`]).
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The service, such as `go.micro.srv.greeter`.
    pub service: &'a str,
    /// The endpoint, such as `Say.Hello`.
    pub endpoint: &'a str,
    /// What travels with the call.
    pub metadata: HeaderMap,
    /// How long it may take.
    pub timeout: Duration,
}

impl<'a> Target<'a> {
    /// Returns a target without metadata that may take five seconds, the default of go-micro.
    pub fn new(service: &'a str, endpoint: &'a str) -> Target<'a> {
        Target { service, endpoint, metadata: HeaderMap::new(), timeout: Duration::from_secs(5) }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not `host:port`.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// The address.
        address: String,
    },
    /// Nobody listens there, or the host is not known.
    #[error("connecting to {address} failed")]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Whoever listens does not speak HTTP/2.
    #[error("{address} does not speak HTTP/2")]
    Handshake {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// It took too long.
    #[error("connecting to {address} took more than {timeout:?}")]
    Timeout {
        /// The address.
        address: String,
        /// The limit.
        timeout: Duration,
    },
}

impl Client {
    /// Connects to `host:port`, with HTTP/2 in clear and without negotiation.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect(address: &str, within: Duration) -> Result<Client, ConnectError> {
        let named = || address.to_owned();
        let authority = Authority::try_from(address)
            .ok()
            .filter(|authority| authority.port_u16().is_some())
            .ok_or_else(|| ConnectError::Address { address: named() })?;
        timeout(within, Self::establish(address, authority))
            .await
            .unwrap_or_else(|_| Err(ConnectError::Timeout { address: named(), timeout: within }))
    }

    async fn establish(address: &str, authority: Authority) -> Result<Client, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { address: address.to_owned(), source };
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let owner = Owner::default();
        let (sender, connection) = http2::Builder::new(owner.clone())
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ConnectError::Handshake { address: address.to_owned(), source })?;
        owner.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an RPC connection broke");
            }
        });
        Ok(Client { sender, authority, _cut: owner.cut_on_drop() })
    }

    /// Says whether the connection is gone, so that a new one is needed.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Calls with one typed message and waits for the one of the answer.
    ///
    /// # Errors
    /// What the service said, or what prevented it: see [`Client::call_bytes`].
    pub async fn call<Q, R>(&self, target: Target<'_>, codec: Codec, request: &Q) -> Result<R, RpcError>
    where
        Q: prost::Message + Serialize,
        R: prost::Message + Default + DeserializeOwned,
    {
        let answer = self.call_bytes(target, codec, &codec::encode(codec, request)).await?;
        codec::decode(codec, &answer).map_err(|error| RpcError::internal(CLIENT_ID, error.to_string()))
    }

    /// Calls with one encoded message and waits for the one of the answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The error object of the service; or one of `go.micro.client`: 408 when the time is up, 413 when a message
    /// has more than 4 MiB, 502 when the connection breaks, 500 when the answer is not gRPC.
    pub async fn call_bytes(&self, target: Target<'_>, codec: Codec, message: &[u8]) -> Result<Bytes, RpcError> {
        if message.len() > MESSAGE_BYTES_MAX {
            let length = message.len();
            let detail = format!("trying to send message larger than max ({length} vs. {MESSAGE_BYTES_MAX})");
            return Err(RpcError::new(CLIENT_ID, 413, detail));
        }
        let within = target.timeout;
        let request = self.request(&target, codec, message)?;
        timeout(within, exchange(self.sender.clone(), request))
            .await
            .unwrap_or_else(|_| Err(RpcError::deadline_exceeded()))
    }

    fn request(&self, target: &Target<'_>, codec: Codec, message: &[u8]) -> Result<Request<OneMessage>, RpcError> {
        let path = method::path(target.service, target.endpoint);
        let path = PathAndQuery::try_from(path.as_str())
            .ok()
            .filter(|_| path.starts_with('/'))
            .ok_or_else(|| RpcError::bad_request(CLIENT_ID, format!("{path:?} is not an endpoint of the form A.B")))?;
        let mut uri = http::uri::Parts::default();
        (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(self.authority.clone()));
        uri.path_and_query = Some(path);
        let mut request = Request::new(OneMessage(Some(frame::encode(message))));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(uri).expect("scheme, authority and path are there");
        *request.headers_mut() = headers(target, codec);
        Ok(request)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// The body of a request: one frame, whose length is not told.
///
/// hyper writes a `content-length` where a body knows its length, and go-micro services pass every header on with
/// the calls they make in turn, where that length is wrong and strict servers refuse the call.
struct OneMessage(Option<Bytes>);

impl Body for OneMessage {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

fn headers(target: &Target<'_>, codec: Codec) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(target.metadata.len() + 5);
    for (name, value) in &target.metadata {
        if metadata::is_forwarded(name.as_str(), true) {
            headers.append(name, metadata::to_wire(name.as_str(), value.clone()));
        }
    }
    let ascii = |text: String| HeaderValue::try_from(text).expect("digits and a unit are ASCII");
    let fixed: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(codec.content_type())),
        (X_CONTENT_TYPE, HeaderValue::from_static(codec.content_type())),
        (TE, HeaderValue::from_static("trailers")),
        (GRPC_TIMEOUT, ascii(encode_grpc(target.timeout))),
        (TIMEOUT, ascii(encode_nanos(target.timeout))),
    ];
    headers.extend(fixed);
    headers
}

async fn exchange(mut sender: http2::SendRequest<OneMessage>, request: Request<OneMessage>) -> Result<Bytes, RpcError> {
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    check_grpc(&response)?;
    if let Some(status) = Status::from_trailers(response.headers()) {
        return ended(Some(&status), None);
    }
    let mut body = response.into_body();
    let mut decoder = Decoder::default();
    let mut answer = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| broken(&error))?.into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return ended(Status::from_trailers(&trailers).as_ref(), answer);
            }
        }
        while let Some(message) = decoder.next().map_err(|error| RpcError::from_grpc(&error.to_status()))? {
            if answer.replace(message).is_some() {
                return Err(RpcError::internal(CLIENT_ID, "the service sent more than one message to a unary call"));
            }
        }
    }
    ended(None, answer)
}

/// Refuses an answer that is no gRPC at all.
fn check_grpc(response: &Response<Incoming>) -> Result<(), RpcError> {
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if response.status().is_success() && is_grpc {
        return Ok(());
    }
    let detail = format!("the answer is not gRPC but HTTP {}, {content_type:?}", response.status());
    Err(RpcError::internal(CLIENT_ID, detail))
}

fn ended(status: Option<&Status>, answer: Option<Bytes>) -> Result<Bytes, RpcError> {
    match status {
        None => Err(RpcError::internal(CLIENT_ID, "the answer ended without a status")),
        Some(status) if status.code != Code::Ok => Err(RpcError::from_grpc(status)),
        Some(_) => answer.ok_or_else(|| RpcError::internal(CLIENT_ID, "EOF")),
    }
}

fn broken(error: &hyper::Error) -> RpcError {
    RpcError::new(CLIENT_ID, 502, format!("the connection broke: {error}"))
}
