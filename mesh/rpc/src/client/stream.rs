//! Streams: any number of messages there, any number back, in all four shapes.
//!
//! What go-micro calls a client, server or bidirectional stream is one thing on the wire; only who sends how often
//! differs. The request object that Go's client takes when it opens a stream is never sent; a generated stub for a
//! server stream sends its one message afterwards and does not close its side.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Link;
use super::unary::check_grpc;
use crate::codec::{self, Codec};
use crate::frame::{self, Decoder};
use crate::status::{Code, GrpcError, Status};

/// The response, once its head is there. It may come as late as the first message of the service.
pub(super) type Answer = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// An open stream. Dropping it cancels the call: the service's handler is told and the rest is not delivered.
///
/// One message may wait on its way out, and the flow control of HTTP/2 bounds what comes in: a service that sends
/// faster than [`Stream::receive_bytes`] is called waits.
#[derive(Debug)]
pub struct Stream {
    sender: StreamSender,
    receiver: StreamReceiver,
}

/// The way out of a stream that was [split](Stream::split). Dropping it ends this side, as
/// [`StreamSender::close`] does.
#[derive(Debug)]
pub struct StreamSender {
    codec: Codec,
    outgoing: Option<mpsc::Sender<Bytes>>,
    within: Duration,
}

/// The way in of a stream that was [split](Stream::split). Dropping it cancels the call.
pub struct StreamReceiver {
    codec: Codec,
    state: State,
    decoder: Decoder,
    within: Option<Duration>,
    /// Keeps the connection.
    _link: Link,
}

enum State {
    /// The head of the response is not there yet.
    Opening(Answer),
    /// Messages come in.
    Open(Incoming),
    /// How it ended: well, or with an error that is told again.
    Ended(Result<(), GrpcError>),
}

impl Stream {
    pub(super) fn new(
        codec: Codec,
        outgoing: mpsc::Sender<Bytes>,
        answer: Answer,
        within: Duration,
        link: Link,
    ) -> Stream {
        let state = State::Opening(answer);
        Stream {
            sender: StreamSender { codec, outgoing: Some(outgoing), within },
            receiver: StreamReceiver { codec, state, decoder: Decoder::default(), within: None, _link: link },
        }
    }

    /// Limits each wait for a message; the default is to wait as long as the connection lives (it is probed every
    /// six minutes while it is silent). A wait that takes longer ends the stream with status 4.
    #[must_use]
    pub fn with_receive_timeout(mut self, within: Duration) -> Stream {
        self.receiver.within = Some(within);
        self
    }

    /// Sends a typed message: see [`Stream::send_bytes`].
    ///
    /// # Errors
    /// As [`Stream::send_bytes`].
    pub async fn send<M: prost::Message + Serialize>(&mut self, message: &M) -> Result<(), GrpcError> {
        self.sender.send(message).await
    }

    /// Sends an encoded message of any size; the service takes 4 MiB by default. Waits while the one before is
    /// still on its way, at most for the timeout of the target. Cancel safe: the message is sent or it is not.
    ///
    /// # Errors
    /// Status 4 when the wait takes too long; status 13 after [`Stream::close_send`]; `EOF` (status 11) when the
    /// call is over, as in Go: why, [`Stream::receive_bytes`] tells.
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<(), GrpcError> {
        self.sender.send_bytes(message).await
    }

    /// Tells the service that nothing more comes. Messages of the service may still be received.
    pub fn close_send(&mut self) {
        self.sender.outgoing = None;
    }

    /// Waits for the next message and decodes it: see [`Stream::receive_bytes`].
    ///
    /// # Errors
    /// As [`Stream::receive_bytes`], and status 13 when the message is not of that type.
    pub async fn receive<M>(&mut self) -> Result<Option<M>, GrpcError>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        self.receiver.receive().await
    }

    /// Waits for the next message; `None` when the service ended the stream without an error. Cancel safe.
    ///
    /// # Errors
    /// The status with which the service, or the transport, ended the stream. It prints as Go's client shows it,
    /// `rpc error: code = … desc = …`; [`GrpcError::to_micro`] finds the error object in it.
    pub async fn receive_bytes(&mut self) -> Result<Option<Bytes>, GrpcError> {
        self.receiver.receive_bytes().await
    }

    /// Takes the two directions apart, so that one task sends while another receives.
    pub fn split(self) -> (StreamSender, StreamReceiver) {
        (self.sender, self.receiver)
    }
}

impl StreamSender {
    /// As [`Stream::send`].
    ///
    /// # Errors
    /// As [`Stream::send_bytes`].
    pub async fn send<M: prost::Message + Serialize>(&mut self, message: &M) -> Result<(), GrpcError> {
        self.send_bytes(&codec::encode(self.codec, message)).await
    }

    /// As [`Stream::send_bytes`].
    ///
    /// # Errors
    /// As [`Stream::send_bytes`].
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<(), GrpcError> {
        let error = |code, text: &str| Err(GrpcError(Status::new(code, text)));
        if u32::try_from(message.len()).is_err() {
            return error(Code::ResourceExhausted, "the message has 4 GiB or more");
        }
        let Some(outgoing) = &self.outgoing else {
            return error(Code::Internal, "SendMsg called after CloseSend");
        };
        match timeout(self.within, outgoing.send(frame::encode(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => error(Code::OutOfRange, "EOF"),
            Err(_) => error(Code::DeadlineExceeded, "context deadline exceeded"),
        }
    }

    /// Tells the service that nothing more comes.
    pub fn close(self) {}
}

impl StreamReceiver {
    /// As [`Stream::receive`].
    ///
    /// # Errors
    /// As [`Stream::receive`].
    pub async fn receive<M>(&mut self) -> Result<Option<M>, GrpcError>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        let Some(bytes) = self.receive_bytes().await? else { return Ok(None) };
        codec::decode(self.codec, &bytes).map(Some).map_err(|error| GrpcError(error.to_status()))
    }

    /// As [`Stream::receive_bytes`].
    ///
    /// # Errors
    /// As [`Stream::receive_bytes`].
    pub async fn receive_bytes(&mut self) -> Result<Option<Bytes>, GrpcError> {
        let received = match self.within {
            Some(within) => timeout(within, self.next())
                .await
                .unwrap_or_else(|_| Err(GrpcError(Status::new(Code::DeadlineExceeded, "context deadline exceeded")))),
            None => self.next().await,
        };
        match &received {
            Ok(Some(_)) => {}
            Ok(None) => self.state = State::Ended(Ok(())),
            Err(error) => self.state = State::Ended(Err(error.clone())),
        }
        received
    }

    async fn next(&mut self) -> Result<Option<Bytes>, GrpcError> {
        loop {
            match &mut self.state {
                State::Ended(result) => return result.clone().map(|()| None),
                State::Opening(answer) => {
                    let response = answer.as_mut().await.map_err(|error| GrpcError(broken(&error)))?;
                    check_grpc(&response).map_err(|reason| GrpcError(Status::new(Code::Internal, reason)))?;
                    if let Some(status) = Status::from_trailers(response.headers()) {
                        return ended(status);
                    }
                    self.state = State::Open(response.into_body());
                }
                State::Open(body) => {
                    if let Some(message) = self.decoder.next().map_err(|error| GrpcError(error.to_status()))? {
                        return Ok(Some(message));
                    }
                    match body.frame().await {
                        None => return ended(without_status(&self.decoder)),
                        Some(Err(error)) => return ended(broken(&error)),
                        Some(Ok(frame)) => match frame.into_data() {
                            Ok(data) => self.decoder.push(data),
                            Err(frame) => {
                                let trailers = frame.into_trailers().unwrap_or_default();
                                let status = Status::from_trailers(&trailers);
                                return ended(status.unwrap_or_else(|| without_status(&self.decoder)));
                            }
                        },
                    }
                }
            }
        }
    }
}

impl fmt::Debug for StreamReceiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Opening(_) => "opening",
            State::Open(_) => "open",
            State::Ended(_) => "ended",
        };
        formatter.debug_struct("StreamReceiver").field("state", &state).finish_non_exhaustive()
    }
}

fn ended(status: Status) -> Result<Option<Bytes>, GrpcError> {
    if status.code == Code::Ok { Ok(None) } else { Err(GrpcError(status)) }
}

/// A stream that ends without trailers, in Go's words.
fn without_status(decoder: &Decoder) -> Status {
    match decoder.finish() {
        Ok(()) => Status::new(Code::Internal, "server closed the stream without sending trailers"),
        Err(error) => error.to_status(),
    }
}

/// What Go says of a stream that was reset (its table of HTTP/2 codes) and of a connection that broke.
fn broken(error: &hyper::Error) -> Status {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    let Some(reason) = cause.filter(|cause| cause.is_reset()).and_then(h2::Error::reason) else {
        return Status::new(Code::Unavailable, "transport is closing");
    };
    let code = match reason {
        h2::Reason::REFUSED_STREAM => Code::Unavailable,
        h2::Reason::CANCEL => Code::Cancelled,
        h2::Reason::ENHANCE_YOUR_CALM | h2::Reason::FLOW_CONTROL_ERROR => Code::ResourceExhausted,
        h2::Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    };
    Status::new(code, format!("stream terminated by RST_STREAM with error code: {reason:?}"))
}
