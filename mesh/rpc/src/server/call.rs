//! A call as a handler sees it.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::codec::{self, Codec, DecodeError};
use crate::debug::{Journal, OpenSpan, Parent, SpanType};
use crate::frame::Decoder;
use crate::metadata::Metadata;
use crate::status::{Code, Status};

/// One call: what was asked for, the messages that come in and the way out.
#[derive(Debug)]
pub struct Call {
    head: Head,
    /// The codec, or why the call will be refused once its first message is there.
    codec: Result<Codec, Status>,
    metadata: Metadata,
    deadline: Option<Instant>,
    source: Source,
    outgoing: mpsc::Sender<Bytes>,
    message_bytes_max: usize,
    shutdown: CancellationToken,
}

/// Where the messages come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Frames in the body of a request.
    Grpc(Incoming, Decoder),
    /// Messages that the connection hands over.
    Mucp(mpsc::Receiver<Result<Bytes, Status>>),
}

/// What the path says.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) path: String,
    pub(super) service: String,
    pub(super) handler: String,
    pub(super) method: String,
}

impl Call {
    pub(super) fn new(
        head: Head,
        codec: Result<Codec, Status>,
        metadata: Metadata,
        deadline: Option<Instant>,
        source: Source,
        outgoing: mpsc::Sender<Bytes>,
        message_bytes_max: usize,
    ) -> Call {
        let shutdown = CancellationToken::new();
        Call { head, codec, metadata, deadline, source, outgoing, message_bytes_max, shutdown }
    }

    /// Returns what stands before the last dot of the path: the service that the caller means. May be empty.
    pub fn service(&self) -> &str {
        &self.head.service
    }

    /// Returns the method, such as `Hello`.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// Returns the path and query as sent, such as `/go.micro.srv.greeter.Say/Hello`.
    pub fn path(&self) -> &str {
        &self.head.path
    }

    /// Returns the metadata, which includes `:Authority` and `Remote`, the address of the caller.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns what is cancelled when the server begins to end. A handler that would go on for ever, one that watches
    /// something, then returns; otherwise it is cut after [`Limits::drain_timeout`](super::Limits::drain_timeout).
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    pub(super) fn set_shutdown(&mut self, shutdown: CancellationToken) {
        self.shutdown = shutdown;
    }

    /// Returns when the call ends at the latest; the server sees to it.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the codec of the messages.
    ///
    /// # Errors
    /// When the content type is not spoken here.
    pub fn codec(&self) -> Result<Codec, Status> {
        self.codec.clone()
    }

    /// Waits for the next message; `None` when the caller has sent its last. Cancel safe.
    ///
    /// # Errors
    /// When the bytes are not messages, a message is too large, or the caller is gone.
    pub async fn receive_bytes(&mut self) -> Result<Option<Bytes>, Status> {
        let (incoming, decoder) = match &mut self.source {
            Source::Grpc(incoming, decoder) => (incoming, decoder),
            Source::Mucp(messages) => return messages.recv().await.transpose(),
        };
        loop {
            if let Some(message) = decoder.next().map_err(|error| error.to_status())? {
                return Ok(Some(message));
            }
            match incoming.frame().await {
                None => {
                    decoder.finish().map_err(|error| error.to_status())?;
                    return Ok(None);
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        decoder.push(data);
                    }
                }
                Some(Err(error)) => return Err(Status::new(Code::Cancelled, format!("the caller is gone: {error}"))),
            }
        }
    }

    /// Waits for the next message and decodes it; `None` when the caller has sent its last. Cancel safe.
    ///
    /// # Errors
    /// As [`Call::receive_bytes`], and when the message is not of that type.
    pub async fn receive<M>(&mut self) -> Result<Option<M>, Status>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        let Some(bytes) = self.receive_bytes().await? else { return Ok(None) };
        // As in Go a message is read before the content type is refused.
        let codec = self.codec.clone()?;
        codec::decode(codec, &bytes).map(Some).map_err(|error| self.undecodable(&error))
    }

    /// Waits for the one message of a unary call, or the first of a server stream.
    ///
    /// # Errors
    /// As [`Call::receive`], and when there is no message.
    pub async fn request<M>(&mut self) -> Result<M, Status>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        // "EOF" is what Go says.
        self.receive().await?.ok_or_else(|| Status::new(Code::Unknown, "EOF"))
    }

    /// Sends a message. Waits while the caller has not taken the one before.
    ///
    /// # Errors
    /// When it is too large, or the caller is gone.
    pub async fn send<M: prost::Message + Serialize>(&mut self, message: &M) -> Result<(), Status> {
        let codec = self.codec.clone()?;
        self.send_bytes(codec::encode(codec, message).into()).await
    }

    /// Sends a message that is encoded already.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn send_bytes(&mut self, message: Bytes) -> Result<(), Status> {
        let (length, max) = (message.len(), self.message_bytes_max);
        if length > max {
            let text = format!("trying to send message larger than max ({length} vs. {max})");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        self.outgoing.send(message).await.map_err(|_| Status::new(Code::Cancelled, "the caller is gone"))
    }

    /// Returns the status for a method that the handler does not have.
    pub fn unknown_method(&self) -> Status {
        let Head { handler, method, .. } = &self.head;
        let text = match self.source {
            Source::Grpc(..) => format!("unknown service {handler}.{method}"),
            Source::Mucp(_) => format!("rpc: can't find method {method}"),
        };
        Status::new(Code::Unimplemented, text)
    }

    /// Begins the span of this call, and names it to the handler in the metadata. Calls of `Debug` have none.
    pub(super) fn begin_span(&mut self, journal: &Journal) -> Option<OpenSpan> {
        let Head { service, handler, method, .. } = &self.head;
        if handler == "Debug" {
            return None;
        }
        let name = [service.as_str(), handler, method].into_iter().filter(|part| !part.is_empty());
        let name = name.collect::<Vec<_>>().join(".");
        let told = |key| self.metadata.get(key);
        // Every call over MUCP has a `Micro-Id`: it stands for a trace only beside a span, as in Go.
        let parent = match (told("Micro-Trace-Id"), told("Micro-Span-Id")) {
            (Some(trace), span) => Some(Parent { trace, span: span.unwrap_or_default() }),
            (None, Some(span)) => told("Micro-Id").map(|trace| Parent { trace, span }),
            (None, None) => None,
        };
        let span = journal.begin(name, SpanType::Inbound, parent);
        self.metadata.set("Micro-Trace-Id", span.trace());
        self.metadata.set("Micro-Span-Id", span.id());
        Some(span)
    }

    /// Each protocol has its own words for it.
    fn undecodable(&self, error: &DecodeError) -> Status {
        match self.source {
            Source::Grpc(..) => error.to_status(),
            Source::Mucp(_) => Status::new(Code::Internal, error.reason()),
        }
    }
}

impl From<crate::error::RpcError> for Status {
    fn from(error: crate::error::RpcError) -> Status {
        error.to_grpc()
    }
}
