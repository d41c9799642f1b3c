//! One connection to a service.

use std::fmt;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::{AGE_MAX, TRANSPORT_ID};
use crate::error::{CLIENT_ID, RpcError};
use crate::json::lossy;
use crate::mucp::frame::{self, Decoder, Limits, Side, Start};
use crate::mucp::message::Message;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Both directions of a connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// When it was made.
    pub(super) since: Instant,
}

impl Link {
    /// Connects. The caller limits how long that may take.
    pub(super) async fn connect(address: &str) -> Result<Link, RpcError> {
        let stream = TcpStream::connect(address)
            .await
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| RpcError::internal(CLIENT_ID, format!("connection error: dial tcp {address}: {error}")))?;
        let (read, write) = stream.into_split();
        let decoder = Decoder::new(Side::Client, Limits::default());
        Ok(Link {
            reader: Reader { half: read, decoder, buffer: BytesMut::with_capacity(READ_BYTES) },
            writer: Writer { half: write, host: address.to_owned() },
            since: Instant::now(),
        })
    }

    /// Says whether the next call may use it: it is young, nobody closed it and nothing came that was not asked for.
    pub(super) fn is_usable(&self) -> bool {
        let silent =
            self.reader.half.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        silent && self.reader.decoder.is_between_messages() && self.since.elapsed() < AGE_MAX
    }
}

/// The messages that come in.
pub(super) struct Reader {
    half: OwnedReadHalf,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Reader {
    /// Waits for the next message. Cancel safe.
    pub(super) async fn receive(&mut self) -> Result<Message, RpcError> {
        loop {
            if let Some((start, message)) = self.decoder.next().map_err(broken)? {
                return accept(start, message);
            }
            self.buffer.reserve(READ_BYTES);
            let read = self.half.read_buf(&mut self.buffer).await.map_err(broken)?;
            if read == 0 {
                let text = if self.decoder.is_between_messages() { "EOF" } else { "unexpected EOF" };
                return Err(broken(text));
            }
            self.decoder.push(&self.buffer.split());
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The way out.
#[derive(Debug)]
pub(super) struct Writer {
    half: OwnedWriteHalf,
    host: String,
}

impl Writer {
    /// Sends a message. Not cancel safe: a part of it may be sent, so that the connection is of no use any more.
    pub(super) async fn send(&mut self, message: &Message) -> Result<(), RpcError> {
        self.half.write_all(&frame::encode_request(&self.host, message)).await.map_err(broken)
    }
}

/// Anything but 200 is an error of the transport, whose text is the status line and the body.
fn accept(start: Start, message: Message) -> Result<Message, RpcError> {
    match start {
        Start::Response { status: 200, .. } => Ok(message),
        Start::Response { status, reason } => {
            let body = lossy(&message.body);
            Err(broken(format_args!("{status} {reason}: {}", body.trim_end())))
        }
        Start::Request { .. } => Err(broken("a request where a response was expected")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "that is how errors are mapped")]
fn broken(text: impl ToString) -> RpcError {
    RpcError::internal(TRANSPORT_ID, text.to_string())
}
