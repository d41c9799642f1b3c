//! A client for unary calls and streams: one connection, kept as long as it works.
//!
//! For the control plane, the command line and tests. The gateway calls services through its own connections.

mod body;
mod connect;
mod stream;
mod tls;
mod unary;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::DropGuard;

use self::body::Outgoing;
pub use self::connect::ConnectError;
pub use self::stream::{Stream, StreamReceiver, StreamSender};
pub use self::tls::Security;
use self::unary::Failure;
use crate::codec::{self, Codec, X_CONTENT_TYPE};
use crate::error::{CLIENT_ID, RpcError};
use crate::frame::{self, MESSAGE_BYTES_MAX};
use crate::metadata;
use crate::method;
use crate::owner::Owner;
use crate::status::{Code, GrpcError, Status};
use crate::timeout::{GRPC_TIMEOUT, TIMEOUT, encode_grpc, encode_nanos};

/// Who calls, in the form of gRPC over HTTP/2 ("User Agents"). Go's handlers see it among the metadata.
pub(crate) const AGENT: &str = concat!("grpc-rust-micro/", env!("CARGO_PKG_VERSION"));

/// The most bytes of the headers of a response. A long error of Go travels three times in its trailers.
const HEADER_BYTES_MAX: u32 = 1024 * 1024;

/// When to ask a silent peer whether it is there, while something is under way, and how long to wait for the
/// answer. Go's servers send those away who ask more often than every five minutes.
const PING_INTERVAL: Duration = Duration::from_mins(6);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to one node; clones share it. It ends when the last clone and the last [`Stream`] are dropped.
#[derive(Clone)]
pub struct Client {
    sender: http2::SendRequest<Outgoing>,
    scheme: Scheme,
    authority: Authority,
    link: Link,
}

/// What keeps the tasks of a connection: they are cut when the last one is dropped.
type Link = Arc<DropGuard>;

/// What to call. Metadata that the call sets itself is left out ([`metadata::is_reserved`]).
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The service, such as `go.micro.srv.greeter`.
    pub service: &'a str,
    /// The endpoint, such as `Say.Hello`.
    pub endpoint: &'a str,
    /// What travels with the call.
    pub metadata: HeaderMap,
    /// How long a unary call may take; for a stream, how long each message may wait to be sent.
    pub timeout: Duration,
}

impl<'a> Target<'a> {
    /// Returns a target without metadata that may take five seconds, the default of go-micro.
    pub fn new(service: &'a str, endpoint: &'a str) -> Target<'a> {
        Target { service, endpoint, metadata: HeaderMap::new(), timeout: Duration::from_secs(5) }
    }
}

impl Client {
    /// Connects to `host:port`, with HTTP/2: in clear and without negotiation, or by TLS where the port is 443.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect(address: &str, within: Duration) -> Result<Client, ConnectError> {
        Self::connect_with(address, &Security::ByPort, within).await
    }

    /// Connects to `host:port`, with HTTP/2 and secured as told.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect_with(address: &str, security: &Security, within: Duration) -> Result<Client, ConnectError> {
        let named = || address.to_owned();
        let authority = Authority::try_from(address)
            .ok()
            .filter(|authority| authority.port_u16().is_some())
            .ok_or_else(|| ConnectError::Address { address: named() })?;
        timeout(within, Self::establish(address, authority, security))
            .await
            .unwrap_or_else(|_| Err(ConnectError::Timeout { address: named(), timeout: within }))
    }

    async fn establish(address: &str, authority: Authority, security: &Security) -> Result<Client, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { address: address.to_owned(), source };
        let unsecured = |source| ConnectError::Tls { address: address.to_owned(), source };
        let config = security.config(&authority).map_err(|error| unsecured(io::Error::other(error)))?;
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(config) = config else { return Self::converse(address, Scheme::HTTP, authority, stream).await };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| unsecured(io::Error::other(error)))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(unsecured)?;
        Self::converse(address, Scheme::HTTPS, authority, stream).await
    }

    async fn converse(
        address: &str,
        scheme: Scheme,
        authority: Authority,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Client, ConnectError> {
        let owner = Owner::default();
        let (sender, connection) = http2::Builder::new(owner.clone())
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ConnectError::Handshake { address: address.to_owned(), source })?;
        owner.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an RPC connection broke");
            }
        });
        Ok(Client { sender, scheme, authority, link: Arc::new(owner.cut_on_drop()) })
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
        let body = one(message).map_err(|status| RpcError::from_grpc(&status))?;
        let request = self.request(&target, codec, body)?;
        self.exchange(target.timeout, request).await.map_err(Failure::into_micro)
    }

    /// As [`Client::call_bytes`], for those who tell errors as Go does: the status as it came, or the one that Go's
    /// gRPC library makes of what happened. [`RpcError::from_grpc_as_go`] makes an error object of it.
    ///
    /// # Errors
    /// The status of the service; 4 when the time is up, 8 when a message has more than 4 MiB, 14 when the connection
    /// breaks.
    pub async fn unary(&self, target: Target<'_>, codec: Codec, message: &[u8]) -> Result<Bytes, GrpcError> {
        let request = self.request(&target, codec, one(message).map_err(GrpcError)?);
        let request = request.map_err(|_| GrpcError(unwritable(&target)))?;
        self.exchange(target.timeout, request).await.map_err(Failure::into_grpc)
    }

    async fn exchange(&self, within: Duration, mut request: Request<Outgoing>) -> Result<Bytes, Failure> {
        let ascii = |text: String| HeaderValue::try_from(text).expect("digits and a unit are ASCII");
        request.headers_mut().insert(GRPC_TIMEOUT, ascii(encode_grpc(within)));
        request.headers_mut().insert(TIMEOUT, ascii(encode_nanos(within)));
        timeout(within, unary::exchange(self.sender.clone(), request))
            .await
            .unwrap_or_else(|_| Err(Status::new(Code::DeadlineExceeded, "context deadline exceeded").into()))
    }

    /// Opens a stream. Nothing is waited for: whether the service takes it is told by the first
    /// [`Stream::receive_bytes`]. No deadline is announced, as streams have none in go-micro.
    ///
    /// # Errors
    /// 400 when the endpoint cannot be a path.
    pub fn stream(&self, target: &Target<'_>, codec: Codec) -> Result<Stream, RpcError> {
        // One message on its way: a sender waits until the connection has taken what it sent before.
        let (outgoing, messages) = mpsc::channel(1);
        let request = self.request(target, codec, Outgoing::Many(messages))?;
        let answer = Box::pin(self.sender.clone().send_request(request));
        Ok(Stream::new(codec, outgoing, answer, target.timeout, Arc::clone(&self.link)))
    }

    fn request(&self, target: &Target<'_>, codec: Codec, body: Outgoing) -> Result<Request<Outgoing>, RpcError> {
        let path = method::path(target.service, target.endpoint);
        let path = PathAndQuery::try_from(path.as_str())
            .ok()
            .filter(|_| path.starts_with('/'))
            .ok_or_else(|| RpcError::bad_request(CLIENT_ID, format!("{path:?} is not an endpoint of the form A.B")))?;
        let mut uri = http::uri::Parts::default();
        (uri.scheme, uri.authority) = (Some(self.scheme.clone()), Some(self.authority.clone()));
        uri.path_and_query = Some(path);
        let mut request = Request::new(body);
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

fn one(message: &[u8]) -> Result<Outgoing, Status> {
    if message.len() > MESSAGE_BYTES_MAX {
        let length = message.len();
        let text = format!("trying to send message larger than max ({length} vs. {MESSAGE_BYTES_MAX})");
        return Err(Status::new(Code::ResourceExhausted, text));
    }
    Ok(Outgoing::One(Some(frame::encode(message))))
}

/// What a server would say of a path that Go sends and that cannot be written here.
fn unwritable(target: &Target<'_>) -> Status {
    let path = method::path(target.service, target.endpoint);
    match method::split(&path) {
        Err(malformed) => malformed.to_status(),
        Ok(_) => Status::new(Code::InvalidArgument, format!("malformed method name: {path:?}")),
    }
}

fn headers(target: &Target<'_>, codec: Codec) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(target.metadata.len() + 6);
    for (name, value) in &target.metadata {
        if metadata::is_forwarded(name.as_str(), true) {
            headers.append(name, metadata::to_wire(name.as_str(), value.clone()));
        }
    }
    let fixed: [(HeaderName, HeaderValue); 4] = [
        (USER_AGENT, HeaderValue::from_static(AGENT)),
        (CONTENT_TYPE, HeaderValue::from_static(codec.content_type())),
        (X_CONTENT_TYPE, HeaderValue::from_static(codec.content_type())),
        (TE, HeaderValue::from_static("trailers")),
    ];
    headers.extend(fixed);
    headers
}
