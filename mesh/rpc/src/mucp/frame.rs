//! How messages lie on a TCP connection: HTTP/1.1 requests one way, responses the other.
//!
//! Bodies have a length or are chunked; an empty body of a request is chunked, as Go writes it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::message::{Headers, Message, is_token};
use crate::frame::MESSAGE_BYTES_MAX;
use crate::json::lossy;

/// The most headers of one message.
const HEADERS_MAX: usize = 256;

/// The most bytes of the line that begins a chunk, and of the trailers behind the last one.
const CHUNK_LINE_BYTES_MAX: usize = 4096;

/// The user agent of Go's transport; peers echo it and nobody reads it.
const USER_AGENT: &str = "Go-http-client/1.1";

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

/// Writes a message as a request to a host, `127.0.0.1:9090`.
pub fn encode_request(host: &str, message: &Message) -> Bytes {
    let mut buffer = BytesMut::with_capacity(512 + message.body.len());
    buffer.put_slice(b"POST / HTTP/1.1\r\n");
    put_header(&mut buffer, "Host", host);
    let agent = message.headers.get("User-Agent");
    put_header(&mut buffer, "User-Agent", if agent.is_empty() { USER_AGENT } else { agent });
    if message.body.is_empty() {
        put_header(&mut buffer, "Transfer-Encoding", "chunked");
    } else {
        put_header(&mut buffer, "Content-Length", &message.body.len().to_string());
    }
    put_headers(&mut buffer, &message.headers, &["Host", "User-Agent"]);
    buffer.put_slice(b"\r\n");
    buffer.put_slice(if message.body.is_empty() { b"0\r\n\r\n" } else { &message.body });
    buffer.freeze()
}

/// Writes a message as a response.
pub fn encode_response(message: &Message) -> Bytes {
    encode_answer("200 OK", message)
}

/// Writes a response with another status, for what is no message at all.
pub fn encode_answer(status: &str, message: &Message) -> Bytes {
    let mut buffer = BytesMut::with_capacity(512 + message.body.len());
    buffer.put_slice(b"HTTP/1.1 ");
    buffer.put_slice(status.as_bytes());
    buffer.put_slice(b"\r\n");
    let length = message.body.len();
    if length > 0 {
        put_header(&mut buffer, "Content-Length", &length.to_string());
    }
    put_headers(&mut buffer, &message.headers, &[]);
    if length == 0 {
        put_header(&mut buffer, "Content-Length", "0");
    }
    buffer.put_slice(b"\r\n");
    buffer.put_slice(&message.body);
    buffer.freeze()
}

fn put_headers(buffer: &mut BytesMut, headers: &Headers, written: &[&str]) {
    for (name, value) in headers.iter() {
        if !FRAMING.contains(&name) && !written.contains(&name) && is_token(name) {
            put_header(buffer, name, value);
        }
    }
}

/// Writes a header; line breaks in the value become spaces, as in Go.
fn put_header(buffer: &mut BytesMut, name: &str, value: &str) {
    buffer.put_slice(name.as_bytes());
    buffer.put_slice(b": ");
    let value = value.trim_matches([' ', '\t', '\r', '\n']);
    buffer.extend(value.bytes().map(|byte| if byte.is_ascii_control() && byte != b'\t' { b' ' } else { byte }));
    buffer.put_slice(b"\r\n");
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

/// Returns the length of the head at the front: up to an empty line.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let rest = buffer.get(from..)?;
    let after = |at: usize, line: usize| from + at + line;
    let breaks = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    for (at, _) in breaks {
        match rest.get(at + 1..) {
            Some([b'\n', ..]) => return Some(after(at, 2)),
            Some([b'\r', b'\n', ..]) => return Some(after(at, 3)),
            _ => {}
        }
    }
    None
}

enum Length {
    Bytes(usize),
    Chunked,
}

fn parse(side: Side, head: &[u8], limit: usize) -> Result<(Start, Headers, Length), FrameError> {
    let mut space = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let malformed = |error: httparse::Error| match error {
        httparse::Error::TooManyHeaders => FrameError::HeadTooLarge { limit },
        error => FrameError::Head(error.to_string()),
    };
    let incomplete = || FrameError::Head("it is not complete".to_owned());
    let (start, fields): (Start, &[httparse::Header<'_>]) = match side {
        Side::Service => {
            let mut request = httparse::Request::new(&mut space);
            request.parse(head).map_err(malformed)?;
            let method = request.method.ok_or_else(incomplete)?.to_owned();
            (Start::Request { method }, request.headers)
        }
        Side::Client => {
            let mut response = httparse::Response::new(&mut space);
            response.parse(head).map_err(malformed)?;
            let status = response.code.ok_or_else(incomplete)?;
            (Start::Response { status, reason: response.reason.unwrap_or_default().to_owned() }, response.headers)
        }
    };
    let length = length(fields)?;
    let mut headers = Headers::new();
    for field in fields {
        if !FRAMING.iter().any(|name| name.eq_ignore_ascii_case(field.name)) {
            headers.receive(field.name, lossy(field.value));
        }
    }
    Ok((start, headers, length))
}

/// RFC 9112 §6.3, strict: what could be read in two ways is refused.
fn length(fields: &[httparse::Header<'_>]) -> Result<Length, FrameError> {
    let values = |name: &'static str| {
        fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    let (mut codings, mut lengths) = (values("Transfer-Encoding"), values("Content-Length"));
    match (codings.next(), lengths.next()) {
        (Some(_), Some(_)) => Err(FrameError::Length("a length and chunks")),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() => {
            Ok(Length::Chunked)
        }
        (Some(_), None) => Err(FrameError::Length("a transfer coding other than chunked")),
        (None, Some(length)) if lengths.all(|other| other == length) => {
            let digits = std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length = digits.and_then(|text| text.parse().ok());
            length.map(Length::Bytes).ok_or(FrameError::Length("a length that is no number"))
        }
        (None, Some(_)) => Err(FrameError::Length("several lengths")),
        (None, None) => Ok(Length::Bytes(0)),
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
