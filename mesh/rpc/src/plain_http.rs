//! Calling services that speak plain HTTP, such as a script that registered itself: an endpoint is a path, a message
//! is a body.
//!
//! `POST /Say.Hello` with `{"name":"John"}`; the body of a success is the answer, anything else is an error.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{AGENT, Target};
use crate::codec::Codec;
use crate::error::{CLIENT_ID, RpcError};
use crate::frame::MESSAGE_BYTES_MAX;
use crate::metadata;
use crate::owner::Owner;
use crate::timeout::{TIMEOUT, encode_nanos};

/// A client of one node. Each call has a connection of its own.
#[derive(Clone)]
pub struct HttpClient {
    address: String,
}

impl HttpClient {
    /// Returns a client of a node at `host:port`.
    pub fn new(address: impl Into<String>) -> HttpClient {
        HttpClient { address: address.into() }
    }

    /// Posts a message to the path that the endpoint is, and waits for the answer. Dropping the future gives it up.
    ///
    /// # Errors
    /// What a service says with a status that is no success: the error object that is its body, else one of the
    /// service with the status as code and the body as detail. Or one of `go.micro.client`: 408 when the time is up,
    /// 400 when the endpoint cannot be a path, 413 when a message has more than 4 MiB, 500 when there is no
    /// connection, 502 when it breaks.
    pub async fn call_bytes(&self, target: &Target<'_>, codec: Codec, message: &[u8]) -> Result<Bytes, RpcError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(too_large());
        }
        let request = request(&self.address, target, codec, Bytes::copy_from_slice(message))?;
        timeout(target.timeout, self.exchange(target.service, request))
            .await
            .unwrap_or_else(|_| Err(RpcError::deadline_exceeded()))
    }

    async fn exchange(&self, service: &str, request: Request<Full<Bytes>>) -> Result<Bytes, RpcError> {
        let address = &self.address;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| RpcError::internal(CLIENT_ID, format!("connection error: dial tcp {address}: {error}")))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let owner = Owner::default();
        let _cut = owner.cut_on_drop();
        owner.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a service broke");
            }
        });
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MESSAGE_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { too_large() } else { broken(error.as_ref()) })?;
        let body = body.to_bytes();
        if status.is_success() { Ok(body) } else { Err(failure(service, status.as_u16(), &body)) }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpClient").field("address", &self.address).finish()
    }
}

fn request(address: &str, target: &Target<'_>, codec: Codec, message: Bytes) -> Result<Request<Full<Bytes>>, RpcError> {
    let unclear = |what: &str| RpcError::bad_request(CLIENT_ID, format!("{what:?} cannot be called"));
    let uri: Uri = path(target.endpoint).parse().map_err(|_| unclear(target.endpoint))?;
    let host = HeaderValue::from_str(address).map_err(|_| unclear(address))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &target.metadata {
        if metadata::is_forwarded(name.as_str(), true) && !metadata::is_about_the_answer(name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    let kind = HeaderValue::from_static(content_type(codec));
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, kind.clone());
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(TIMEOUT, nanos(target.timeout));
    let mut request = Request::new(Full::new(message));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Returns the path of an endpoint: one that begins with a slash is a path already.
pub fn path(endpoint: &str) -> String {
    format!("/{}", endpoint.trim_start_matches('/'))
}

/// Returns the error that a status and a body are: an error object, or one of the service with the body as detail.
pub fn failure(service: &str, status: u16, body: &[u8]) -> RpcError {
    let error = RpcError::parse_bytes(body);
    if error.code != 0 { error } else { RpcError::new(service.to_owned(), i32::from(status), error.detail) }
}

fn content_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => "application/json",
        Codec::Proto => "application/protobuf",
        Codec::Bytes => "application/octet-stream",
    }
}

fn nanos(timeout: Duration) -> HeaderValue {
    HeaderValue::try_from(encode_nanos(timeout)).expect("digits are ASCII")
}

fn too_large() -> RpcError {
    RpcError::new(CLIENT_ID, 413, format!("the message is larger than max ({MESSAGE_BYTES_MAX})"))
}

fn broken(error: &dyn std::error::Error) -> RpcError {
    RpcError::new(CLIENT_ID, 502, format!("the connection broke: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{RpcError, failure, path};

    #[test]
    fn an_endpoint_is_a_path() {
        assert_eq!(path("Say.Hello"), "/Say.Hello");
        assert_eq!(path("/hello?name=x"), "/hello?name=x");
        assert_eq!(path("//evil.example/x"), "/evil.example/x");
    }

    #[test]
    fn a_failure_is_an_error_object() {
        assert_eq!(failure("svc", 503, b"down"), RpcError::new("svc", 503, "down"));
        let json = br#"{"id":"a","code":404,"detail":"d","status":"Not Found"}"#;
        assert_eq!(failure("svc", 500, json), RpcError::not_found("a", "d"));
    }
}
