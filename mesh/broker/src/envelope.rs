//! The envelope: how a message travels in the brokers `http` and `nats`, and in most plugins of go-micro.
//!
//! `{"Header":{…},"Body":"<base64>"}`, as Go's `encoding/json` writes it: capitalised names, sorted header, padded
//! base64, Go's escapes. Reading is as liberal as Go: names in any case, `null` or nothing for what is empty, unknown
//! members ignored, line breaks in the base64; and what it refuses it refuses in Go's words.
//!
//! ```
//! use mesh_broker::{Message, envelope};
//!
//! let message = Message::new("hi").with("Micro-Topic", "t");
//! let bytes = envelope::encode(&message);
//! assert_eq!(bytes, br#"{"Header":{"Micro-Topic":"t"},"Body":"aGk="}"#);
//! assert_eq!(envelope::decode(&bytes), Ok(message));
//! ```

mod read;
mod surrogates;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mesh_rpc::json;
use serde::Serialize;

use self::surrogates::without_lone_surrogates;
use crate::message::{BODY_BYTES_MAX, HEADER_BYTES_MAX, Header, Message};

/// The most bytes of an envelope whose message is within its limits: base64 makes four of three, escapes six of one.
pub const ENVELOPE_BYTES_MAX: usize = BODY_BYTES_MAX / 3 * 4 + HEADER_BYTES_MAX * 6 + 64 * 1024;

/// Why bytes are no envelope: what Go says of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EnvelopeError {
    reason: String,
}

/// Writes a message, as Go does where neither header nor body are nil.
pub fn encode(message: &Message) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Envelope<'a> {
        header: &'a Header,
        body: String,
    }
    let envelope = Envelope { header: &message.header, body: STANDARD.encode(&message.body) };
    json::to_vec(&envelope).expect("a map of strings and a string always serialise")
}

/// Reads a message. Its sizes are not checked: that is [`Message::check`].
///
/// # Errors
/// When the bytes are no JSON, or not of this shape.
pub fn decode(bytes: &[u8]) -> Result<Message, EnvelopeError> {
    // Go replaces what is no UTF-8 in strings; outside of them it is an error either way.
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| json::lossy(bytes));
    if let Some(reason) = json::syntax_error(text.as_bytes()) {
        return Err(EnvelopeError { reason });
    }
    let text = without_lone_surrogates(text);
    let (header, body) = serde_json::from_str::<read::Envelope>(&text).map_err(|error| without_place(&error))?.parts();
    Ok(Message { header, body: Bytes::from(body) })
}

/// serde's errors end with a place, Go's do not.
fn without_place(error: &serde_json::Error) -> EnvelopeError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    EnvelopeError { reason: text.strip_suffix(&place).unwrap_or(&text).to_owned() }
}
