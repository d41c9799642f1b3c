//! Reading messages, with limits on how long that may take.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{Instant, timeout, timeout_at};

use crate::mucp::frame::{Decoder, FrameError, Limits, Side, Start};
use crate::mucp::message::Message;

/// How long a message may take to arrive.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may do nothing at all. Go's clients throw theirs away after a minute.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// How long, and how much, is read of a client whose message was refused, so that it can read the answer: closing
/// at once would reset the connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no next message.
#[derive(Debug)]
pub(super) enum ReceiveError {
    /// The client closed the connection, or was idle for too long.
    Ended,
    /// The connection broke, or ended within a message.
    Broken(io::Error),
    /// What the client sends is no message.
    Refused(FrameError),
}

/// The way in.
pub(super) struct Receiver {
    half: OwnedReadHalf,
    decoder: Decoder,
    buffer: BytesMut,
    /// When the message that is arriving began, or the last one had arrived.
    since: Instant,
}

impl Receiver {
    pub(super) fn new(half: OwnedReadHalf, limits: &crate::server::Limits) -> Receiver {
        let limits = Limits {
            head_bytes: usize::try_from(limits.header_bytes).unwrap_or(usize::MAX),
            body_bytes: limits.message_bytes,
        };
        let decoder = Decoder::new(Side::Service, limits);
        Receiver { half, decoder, buffer: BytesMut::with_capacity(READ_BYTES), since: Instant::now() }
    }

    /// Waits for the next message; an idle connection, one without calls, does not wait for ever. Cancel safe.
    pub(super) async fn next(&mut self, is_idle: bool) -> Result<(Start, Message), ReceiveError> {
        loop {
            if let Some(received) = self.decoder.next().map_err(ReceiveError::Refused)? {
                self.since = Instant::now();
                return Ok(received);
            }
            let is_between = self.decoder.is_between_messages();
            let read = match (is_between, is_idle) {
                (true, false) => self.read().await,
                (true, true) => match timeout_at(self.since + IDLE_TIMEOUT, self.read()).await {
                    Ok(read) => read,
                    Err(_) => return Err(ReceiveError::Ended),
                },
                (false, _) => {
                    timeout_at(self.since + MESSAGE_TIMEOUT, self.read()).await.map_err(io::Error::from).flatten()
                }
            };
            match read.map_err(ReceiveError::Broken)? {
                0 if is_between => return Err(ReceiveError::Ended),
                0 => return Err(ReceiveError::Broken(io::ErrorKind::UnexpectedEof.into())),
                _ if is_between => self.since = Instant::now(),
                _ => {}
            }
            self.decoder.push(&self.buffer.split());
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.half.read_buf(&mut self.buffer).await
    }

    /// Reads and throws away what a refused client still sends.
    pub(super) async fn drain(&mut self) {
        let reading = async {
            let mut read = 0;
            while read < DRAIN_BYTES {
                self.buffer.clear();
                match self.read().await {
                    Ok(0) | Err(_) => return,
                    Ok(bytes) => read += bytes,
                }
            }
        };
        // Either way the connection is closed now.
        timeout(DRAIN_TIMEOUT, reading).await.ok();
    }
}
