//! Streams over MUCP.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::link::{Link, Reader, Writer};
use super::{Answer, CODEC_ID, encode, read_answer};
use crate::codec;
use crate::error::{CLIENT_ID, RpcError};
use crate::mucp::END_OF_STREAM;
use crate::mucp::content::ContentType;
use crate::mucp::message::{Headers, Message};

/// An open stream. Dropping it closes its connection, which is how a Go service learns that it is over.
///
/// TCP bounds both directions: whoever sends faster than the other reads waits.
#[derive(Debug)]
pub struct MucpStream {
    sender: MucpStreamSender,
    receiver: MucpStreamReceiver,
}

/// The way out of a stream that was [split](MucpStream::split).
#[derive(Debug)]
pub struct MucpStreamSender {
    writer: Writer,
    content: ContentType,
    /// Those of the message that opened the stream; every message repeats them.
    headers: Headers,
    within: Duration,
    state: Sending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Open,
    /// The end was sent.
    Closed,
    /// A message was cut: nothing more can be sent.
    Broken,
}

/// The way in of a stream that was [split](MucpStream::split).
#[derive(Debug)]
pub struct MucpStreamReceiver {
    reader: Reader,
    content: ContentType,
    within: Option<Duration>,
    /// How it ended: well, or with an error that is told again.
    ended: Option<Result<(), RpcError>>,
    /// Whether it was said that a message could not be read.
    complained: bool,
}

impl MucpStream {
    pub(super) fn new(link: Link, content: ContentType, headers: Headers, within: Duration) -> MucpStream {
        let Link { reader, writer, .. } = link;
        MucpStream {
            sender: MucpStreamSender { writer, content, headers, within, state: Sending::Open },
            receiver: MucpStreamReceiver { reader, content, within: None, ended: None, complained: false },
        }
    }

    /// Limits each wait for a message; the default is to wait as long as the connection lives. A wait that takes
    /// longer ends the stream with 408.
    #[must_use]
    pub fn with_receive_timeout(mut self, within: Duration) -> MucpStream {
        self.receiver.within = Some(within);
        self
    }

    /// Sends a typed message: see [`MucpStream::send_bytes`].
    ///
    /// # Errors
    /// As [`MucpStream::send_bytes`].
    pub async fn send<M: prost::Message + Serialize>(&mut self, message: &M) -> Result<(), RpcError> {
        self.sender.send(message).await
    }

    /// Sends an encoded message, within the timeout of the target. Not cancel safe: a send that was given up breaks
    /// the stream.
    ///
    /// # Errors
    /// 413 when it has more than 4 MiB; 500 after [`MucpStream::close_send`], or when the connection breaks; 408
    /// when the service does not read.
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<(), RpcError> {
        self.sender.send_bytes(message).await
    }

    /// Tells the service that nothing more comes.
    ///
    /// A Go service that then ends without an error does not say so. From here on each wait for a message is
    /// therefore limited to the timeout of the target, unless there is another limit.
    ///
    /// # Errors
    /// As [`MucpStream::send_bytes`].
    pub async fn close_send(&mut self) -> Result<(), RpcError> {
        let within = self.sender.within;
        self.receiver.within.get_or_insert(within);
        self.sender.close().await
    }

    /// Waits for the next message and decodes it: see [`MucpStream::receive_bytes`].
    ///
    /// # Errors
    /// As [`MucpStream::receive_bytes`], and 500 of `go.micro.client.codec` when the message is not of that type.
    pub async fn receive<M>(&mut self) -> Result<Option<M>, RpcError>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        self.receiver.receive().await
    }

    /// Waits for the next message; `None` when the service ended the stream without an error. Cancel safe.
    ///
    /// A message whose envelope is broken is passed over with a warning: Go's server sometimes overwrites what it
    /// has queued, and its content is lost either way.
    ///
    /// # Errors
    /// What the service said when it ended the stream, as for a call; 500 when the connection breaks; 408 when a
    /// limited wait takes too long.
    pub async fn receive_bytes(&mut self) -> Result<Option<Bytes>, RpcError> {
        self.receiver.receive_bytes().await
    }

    /// Takes the two directions apart, so that one task sends while another receives.
    pub fn split(self) -> (MucpStreamSender, MucpStreamReceiver) {
        (self.sender, self.receiver)
    }
}

impl MucpStreamSender {
    /// As [`MucpStream::send`].
    ///
    /// # Errors
    /// As [`MucpStream::send_bytes`].
    pub async fn send<M: prost::Message + Serialize>(&mut self, message: &M) -> Result<(), RpcError> {
        self.send_bytes(&codec::encode(self.content.codec(), message)).await
    }

    /// As [`MucpStream::send_bytes`].
    ///
    /// # Errors
    /// As [`MucpStream::send_bytes`].
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<(), RpcError> {
        let message = encode(self.content, self.headers.clone(), message)?;
        self.transmit(&message).await
    }

    /// As [`MucpStream::close_send`].
    ///
    /// # Errors
    /// As [`MucpStream::send_bytes`].
    pub async fn close(&mut self) -> Result<(), RpcError> {
        if self.state == Sending::Closed {
            return Ok(());
        }
        let mut headers = self.headers.clone();
        headers.set("Micro-Error", END_OF_STREAM);
        self.transmit(&Message { headers, body: Bytes::new() }).await?;
        self.state = Sending::Closed;
        Ok(())
    }

    async fn transmit(&mut self, message: &Message) -> Result<(), RpcError> {
        if self.state != Sending::Open {
            return Err(RpcError::internal(CLIENT_ID, "the stream is closed for sending"));
        }
        self.state = Sending::Broken;
        let sent = timeout(self.within, self.writer.send(message)).await;
        sent.unwrap_or_else(|_| Err(RpcError::deadline_exceeded()))?;
        self.state = Sending::Open;
        Ok(())
    }
}

impl MucpStreamReceiver {
    /// As [`MucpStream::receive`].
    ///
    /// # Errors
    /// As [`MucpStream::receive`].
    pub async fn receive<M>(&mut self) -> Result<Option<M>, RpcError>
    where
        M: prost::Message + Default + DeserializeOwned,
    {
        let Some(bytes) = self.receive_bytes().await? else { return Ok(None) };
        let decoded = codec::decode(self.content.codec(), &bytes);
        decoded.map(Some).map_err(|error| RpcError::internal(CODEC_ID, error.reason()))
    }

    /// As [`MucpStream::receive_bytes`].
    ///
    /// # Errors
    /// As [`MucpStream::receive_bytes`].
    pub async fn receive_bytes(&mut self) -> Result<Option<Bytes>, RpcError> {
        if let Some(ended) = &self.ended {
            return ended.clone().map(|()| None);
        }
        let received = match self.within {
            Some(within) => timeout(within, self.next()).await.unwrap_or_else(|_| Err(RpcError::deadline_exceeded())),
            None => self.next().await,
        };
        match &received {
            Ok(Some(_)) => {}
            Ok(None) => self.ended = Some(Ok(())),
            Err(error) => self.ended = Some(Err(error.clone())),
        }
        received
    }

    async fn next(&mut self) -> Result<Option<Bytes>, RpcError> {
        loop {
            let message = self.reader.receive().await?;
            match read_answer(self.content, &message) {
                Ok(Answer::Message(message)) => return Ok(Some(message)),
                Ok(Answer::Error(text)) if text == END_OF_STREAM => return Ok(None),
                Ok(Answer::Error(text)) => return Err(RpcError::parse(&text)),
                Err(error) if error.id != CODEC_ID => return Err(error),
                Err(error) if !self.complained => {
                    self.complained = true;
                    tracing::warn!(%error, "a message of a stream cannot be read and is left out");
                }
                Err(_) => {}
            }
        }
    }
}
