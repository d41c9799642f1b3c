//! How messages lie on a TCP connection: HTTP/1.1 requests one way, responses the other.
//!
//! Bodies have a length or are chunked; an empty body of a request is chunked, as Go writes it.

mod encode;
mod head;

use bytes::{Buf, Bytes, BytesMut};

pub use self::encode::{encode_answer, encode_request, encode_response};
use self::head::{Length, end_of_head, parse};
use super::message::{Headers, Message};
use crate::frame::MESSAGE_BYTES_MAX;

/// The most bytes of the line that begins a chunk, and of the trailers behind the last one.
const CHUNK_LINE_BYTES_MAX: usize = 4096;

/// Headers that are written for themselves, or not at all.
const FRAMING: [&str; 4] = ["Content-Length", "Transfer-Encoding", "Trailer", "Connection"];

/// The bounds of messages that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the headers of one message. Default: 1 MiB; a long error travels in two of them.
    pub head_bytes: usize,
    /// The most bytes of a body. Default: 4 MiB.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { head_bytes: 1024 * 1024, body_bytes: MESSAGE_BYTES_MAX }
    }
}

/// Why bytes are not a sequence of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The head is not one of HTTP/1.1.
    #[error("the head of a message is malformed: {0}")]
    Head(String),
    /// The head has more bytes than the limit, or more than 256 headers.
    #[error("the head of a message is larger than max ({limit})")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A body has more bytes than the limit. Known before they are buffered.
    #[error("the body of a message is larger than max ({limit})")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The length of the body is told twice, or in no way that is known.
    #[error("the length of a message is not clear: {0}")]
    Length(&'static str),
    /// A chunk is malformed.
    #[error("a chunk of a message is malformed")]
    Chunk,
}

/// The first line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// On the way to a service.
    Request {
        /// The method; `POST` if it is MUCP.
        method: String,
    },
    /// On the way back.
    Response {
        /// The status; 200 if it is MUCP.
        status: u16,
        /// The words behind it.
        reason: String,
    },
}

/// Which side one is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Reads requests.
    Service,
    /// Reads responses.
    Client,
}

/// Cuts a stream of chunks into messages, however the chunks fall.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    limits: Limits,
    buffer: BytesMut,
    /// How much of the buffer holds no end of a head.
    scanned: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of the body are still to come.
    Body {
        start: Start,
        headers: Headers,
        length: usize,
    },
    Chunks {
        start: Start,
        headers: Headers,
        body: BytesMut,
        at: Chunk,
    },
    Refused(FrameError),
}

#[derive(Debug, Clone, Copy)]
enum Chunk {
    Size,
    /// Bytes of data and the line break behind them.
    Data(usize),
    Trailers,
}

impl Decoder {
    /// Returns a decoder of what the other side sends.
    pub fn new(side: Side, limits: Limits) -> Decoder {
        Decoder { side, limits, buffer: BytesMut::new(), scanned: 0, state: State::Head }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Says whether the stream may end here: no message has begun.
    pub fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Head) && self.buffer.is_empty()
    }

    /// Returns the next whole message, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the next message is refused; then every later call says the same.
    #[expect(clippy::should_implement_trait, reason = "`None` means more bytes, not the end; it is no iterator")]
    pub fn next(&mut self) -> Result<Option<(Start, Message)>, FrameError> {
        let result = self.advance();
        if let Err(error) = &result {
            self.state = State::Refused(error.clone());
        }
        result
    }

    fn advance(&mut self) -> Result<Option<(Start, Message)>, FrameError> {
        loop {
            match &mut self.state {
                State::Refused(error) => return Err(error.clone()),
                State::Head => match self.head()? {
                    Some(state) => self.state = state,
                    None => return Ok(None),
                },
                State::Body { length, .. } if self.buffer.len() < *length => return Ok(None),
                State::Body { length, .. } => {
                    let body = self.buffer.split_to(*length).freeze();
                    return Ok(self.finish(body));
                }
                State::Chunks { body, at, .. } => match chunk(&mut self.buffer, body, *at, self.limits.body_bytes)? {
                    Step::More => return Ok(None),
                    Step::Next(next) => *at = next,
                    Step::End => {
                        let body = std::mem::take(body).freeze();
                        return Ok(self.finish(body));
                    }
                },
            }
        }
    }

    fn finish(&mut self, body: Bytes) -> Option<(Start, Message)> {
        match std::mem::replace(&mut self.state, State::Head) {
            State::Body { start, headers, .. } | State::Chunks { start, headers, .. } => {
                Some((start, Message { headers, body }))
            }
            State::Head | State::Refused(_) => None,
        }
    }

    fn head(&mut self) -> Result<Option<State>, FrameError> {
        let limit = self.limits.head_bytes;
        let Some(length) = end_of_head(&self.buffer, self.scanned) else {
            if self.buffer.len() > limit {
                return Err(FrameError::HeadTooLarge { limit });
            }
            // The end may be cut in two: at most two bytes of it are there.
            self.scanned = self.buffer.len().saturating_sub(2);
            return Ok(None);
        };
        self.scanned = 0;
        if length > limit {
            return Err(FrameError::HeadTooLarge { limit });
        }
        let head = self.buffer.split_to(length);
        let (start, headers, length) = parse(self.side, &head, limit)?;
        Ok(Some(match length {
            Length::Bytes(length) if length > self.limits.body_bytes => {
                return Err(FrameError::BodyTooLarge { limit: self.limits.body_bytes });
            }
            Length::Bytes(length) => State::Body { start, headers, length },
            Length::Chunked => State::Chunks { start, headers, body: BytesMut::new(), at: Chunk::Size },
        }))
    }
}

enum Step {
    More,
    Next(Chunk),
    End,
}

/// Takes one part of a chunked body (RFC 9112 §7.1) off the buffer.
fn chunk(buffer: &mut BytesMut, body: &mut BytesMut, at: Chunk, limit: usize) -> Result<Step, FrameError> {
    match at {
        Chunk::Size => match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((line, size))) => {
                buffer.advance(line);
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size > limit - body.len() {
                    return Err(FrameError::BodyTooLarge { limit });
                }
                Ok(Step::Next(if size == 0 { Chunk::Trailers } else { Chunk::Data(size) }))
            }
            Ok(httparse::Status::Partial) if buffer.len() <= CHUNK_LINE_BYTES_MAX => Ok(Step::More),
            _ => Err(FrameError::Chunk),
        },
        Chunk::Data(size) if buffer.len() < size + 2 => Ok(Step::More),
        Chunk::Data(size) => {
            body.extend_from_slice(&buffer.split_to(size));
            if buffer.split_to(2) != b"\r\n"[..] {
                return Err(FrameError::Chunk);
            }
            Ok(Step::Next(Chunk::Size))
        }
        Chunk::Trailers => match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) if end > CHUNK_LINE_BYTES_MAX => Err(FrameError::Chunk),
            Some(end) => {
                let line = buffer.split_to(end + 1);
                Ok(if line == b"\r\n"[..] { Step::End } else { Step::Next(Chunk::Trailers) })
            }
            None if buffer.len() <= CHUNK_LINE_BYTES_MAX => Ok(Step::More),
            None => Err(FrameError::Chunk),
        },
    }
}
