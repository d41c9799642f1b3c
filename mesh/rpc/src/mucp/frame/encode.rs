//! Writing messages.

use bytes::{BufMut, Bytes, BytesMut};

use super::FRAMING;
use crate::mucp::message::{Headers, Message, is_token};

/// The user agent of Go's transport; peers echo it and nobody reads it.
const USER_AGENT: &str = "Go-http-client/1.1";

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
