//! Calling a node over MUCP: unary calls over pooled connections, streams over connections of their own.

mod link;
mod stream;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use self::link::Link;
pub use self::stream::{MucpStream, MucpStreamReceiver, MucpStreamSender};
use super::content::ContentType;
use super::envelope::{self, Envelope};
use super::message::{Headers, Message};
use crate::client::Target;
use crate::codec;
use crate::error::{CLIENT_ID, RpcError};
use crate::frame::MESSAGE_BYTES_MAX;
use crate::json::lossy;
use crate::metadata;
use crate::timeout::encode_nanos;

/// The id of errors of the connection.
const TRANSPORT_ID: &str = "go.micro.client.transport";
/// The id of errors of the encoding.
const CODEC_ID: &str = "go.micro.client.codec";

/// The most connections that wait for their next call, and how old they may become: go-micro's numbers.
const IDLE_MAX: usize = 100;
const AGE_MAX: Duration = Duration::from_mins(1);

/// A client of one node. A connection carries one call at a time and is kept for the next.
pub struct MucpClient {
    address: String,
    legacy: bool,
    sequence: AtomicU64,
    /// The one that was used last is taken first.
    idle: Mutex<Vec<Link>>,
}

impl MucpClient {
    /// Returns a client of a node at `host:port`. Connections are made when they are needed.
    pub fn new(address: impl Into<String>) -> MucpClient {
        MucpClient { address: address.into(), legacy: false, sequence: AtomicU64::new(0), idle: Mutex::default() }
    }

    /// Speaks as to a node whose metadata has no `protocol`: JSON and protobuf in their envelopes.
    #[must_use]
    pub fn with_legacy_protocol(mut self) -> MucpClient {
        self.legacy = true;
        self
    }

    /// Calls with one typed message and waits for the one of the answer.
    ///
    /// # Errors
    /// As [`MucpClient::call_bytes`].
    pub async fn call<Q, R>(&self, target: &Target<'_>, content: ContentType, request: &Q) -> Result<R, RpcError>
    where
        Q: prost::Message + Serialize,
        R: prost::Message + Default + DeserializeOwned,
    {
        let request = codec::encode(content.codec(), request);
        let answer = self.call_bytes(target, content, &request).await?;
        codec::decode(content.codec(), &answer).map_err(|error| RpcError::internal(CODEC_ID, error.reason()))
    }

    /// Calls with one encoded message and waits for the one of the answer. Dropping the future gives the call up.
    ///
    /// # Errors
    /// The error object of the service, or its plain text with code 0; 408 of `go.micro.client` when the time is up
    /// (a Go service never answers an error in protobuf, so that is what such an error looks like); 413 when a
    /// message has more than 4 MiB; 500 of `go.micro.client` when there is no connection, of
    /// `go.micro.client.transport` when it breaks, of `go.micro.client.codec` when the answer cannot be read.
    pub async fn call_bytes(
        &self,
        target: &Target<'_>,
        content: ContentType,
        message: &[u8],
    ) -> Result<Bytes, RpcError> {
        let (content, mut headers) = self.head(target, content);
        headers.set("Timeout", encode_nanos(target.timeout));
        let request = encode(content, headers, message)?;
        let exchange = async {
            let mut link = self.connect().await?;
            link.writer.send(&request).await?;
            let answer = read_answer(content, &link.reader.receive().await?)?;
            // What answered in full serves the next call; but Go closes the connection behind a frame of gRPC.
            if !content.is_grpc() {
                self.keep(link);
            }
            answer.into_result()
        };
        timeout(target.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(RpcError::timeout(CLIENT_ID, "call timeout: context deadline exceeded")))
    }

    /// Opens a stream over a connection of its own and sends the message that opens it, which services discard.
    ///
    /// # Errors
    /// As [`MucpClient::call_bytes`], as far as they can be known before the service has said anything.
    pub async fn stream(&self, target: &Target<'_>, content: ContentType) -> Result<MucpStream, RpcError> {
        let (content, mut headers) = self.head(target, content);
        let id = headers.get("Micro-Id").to_owned();
        headers.set("Micro-Stream", id);
        // What generated code passes: a message without members.
        let empty: &[u8] = if content.codec() == codec::Codec::Json { b"{}" } else { b"" };
        let open = encode(content, headers.clone(), empty)?;
        let opened = async {
            let mut link = Link::connect(&self.address).await?;
            link.writer.send(&open).await?;
            Ok(MucpStream::new(link, content, headers, target.timeout))
        };
        timeout(target.timeout, opened)
            .await
            .unwrap_or_else(|_| Err(RpcError::timeout(CLIENT_ID, "call timeout: context deadline exceeded")))
    }

    /// Returns the headers of a call, and how its messages are written.
    fn head(&self, target: &Target<'_>, content: ContentType) -> (ContentType, Headers) {
        let content = if self.legacy { content.legacy() } else { content };
        let mut headers = Headers::new();
        for (name, value) in &target.metadata {
            // A topic would make an event of the call.
            if metadata::is_forwarded(name.as_str(), true) && name != "micro-topic" {
                headers.set(name.as_str(), lossy(value.as_bytes()));
            }
        }
        if content.is_grpc() {
            headers.set("Te", "trailers");
            headers.set("User-Agent", "grpc-go/1.0.0");
        }
        headers.set("Accept", content.name());
        headers.set("Content-Type", content.name());
        headers.set("Micro-Service", target.service);
        headers.set("Micro-Method", target.endpoint);
        headers.set("Micro-Endpoint", target.endpoint);
        headers.set("Micro-Id", self.sequence.fetch_add(1, Ordering::Relaxed).to_string());
        (content, headers)
    }

    async fn connect(&self) -> Result<Link, RpcError> {
        loop {
            let Some(link) = self.idle.lock().pop() else { return Link::connect(&self.address).await };
            if link.is_usable() {
                return Ok(link);
            }
        }
    }

    fn keep(&self, link: Link) {
        let now = Instant::now();
        let mut idle = self.idle.lock();
        idle.retain(|link| now.duration_since(link.since) < AGE_MAX);
        if link.is_usable() && idle.len() < IDLE_MAX {
            idle.push(link);
        }
    }
}

impl fmt::Debug for MucpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MucpClient").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Makes the message of a request.
fn encode(content: ContentType, headers: Headers, message: &[u8]) -> Result<Message, RpcError> {
    if message.len() > MESSAGE_BYTES_MAX {
        let length = message.len();
        let detail = format!("trying to send message larger than max ({length} vs. {MESSAGE_BYTES_MAX})");
        return Err(RpcError::new(CLIENT_ID, 413, detail));
    }
    let envelope = Envelope {
        id: headers.get("Micro-Id").to_owned(),
        method: headers.get("Micro-Endpoint").to_owned(),
        error: String::new(),
        message: Bytes::copy_from_slice(message),
    };
    let body = envelope::encode_request(content, &envelope)
        .map_err(|error| RpcError::internal(CODEC_ID, error.to_string()))?;
    Ok(Message { headers, body })
}

/// What a service said.
enum Answer {
    Message(Bytes),
    Error(String),
}

impl Answer {
    fn into_result(self) -> Result<Bytes, RpcError> {
        match self {
            Answer::Message(message) => Ok(message),
            Answer::Error(text) => Err(RpcError::parse(&text)),
        }
    }
}

/// Reads a message of a service. What its envelope says counts before its headers; those it repeats from the request
/// are ignored.
fn read_answer(content: ContentType, message: &Message) -> Result<Answer, RpcError> {
    let header = message.headers.get("Micro-Error");
    let unsupported = b"Unsupported Content-Type: ";
    if message.headers.get("Content-Type") == "text/plain" && message.body.starts_with(unsupported) {
        return Err(RpcError::internal(CLIENT_ID, lossy(&message.body)));
    }
    match envelope::decode_response(content, &message.body) {
        Ok(envelope) if !envelope.error.is_empty() => Ok(Answer::Error(envelope.error)),
        _ if !header.is_empty() => Ok(Answer::Error(header.to_owned())),
        Ok(envelope) => Ok(Answer::Message(envelope.message)),
        Err(error) => Err(RpcError::internal(CODEC_ID, error.to_string())),
    }
}
