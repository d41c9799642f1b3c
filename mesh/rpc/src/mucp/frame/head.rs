//! Reading the head of a message.

use super::{FRAMING, FrameError, Side, Start};
use crate::json::lossy;
use crate::mucp::message::Headers;

/// The most headers of one message.
const HEADERS_MAX: usize = 256;

/// Returns the length of the head at the front: up to an empty line.
pub(super) fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
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

/// How long a body is.
pub(super) enum Length {
    Bytes(usize),
    Chunked,
}

/// Reads a head: its first line, its headers, and how long the body is.
pub(super) fn parse(side: Side, head: &[u8], limit: usize) -> Result<(Start, Headers, Length), FrameError> {
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
