//! Content types: which codec a message has, and what is said about it on the wire.

use http::HeaderName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{RpcError, SERVER_ID};
use crate::json;
use crate::status::{Code, Status};

/// The header in which a client repeats the content type that was asked for.
pub const X_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-content-type");

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// JSON, in protobuf's mapping where the peer has protobuf types.
    Json,
    /// Protobuf.
    Proto,
    /// Bytes without meaning.
    Bytes,
}

impl Codec {
    /// Returns the `content-type` that is transmitted.
    pub fn content_type(self) -> &'static str {
        match self {
            Codec::Json => "application/grpc+json",
            Codec::Proto => "application/grpc+proto",
            Codec::Bytes => "application/grpc+bytes",
        }
    }

    /// Returns the codec that go-micro has for a content type in its gRPC client and server; `None` where it says
    /// `Unsupported Content-Type`.
    pub fn of(content_type: &str) -> Option<Codec> {
        match content_type {
            "application/grpc+proto"
            | "application/grpc"
            | "application/proto"
            | "application/protobuf"
            | "application/octet-stream" => Some(Codec::Proto),
            "application/json" | "application/grpc+json" => Some(Codec::Json),
            "application/grpc+bytes" => Some(Codec::Bytes),
            _ => None,
        }
    }
}

/// What the content type of an HTTP request means for the call that it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCodec<'a> {
    /// The codec of the payload, so the `content-type` of the call.
    pub codec: Codec,
    /// The content type that is told to the service in `x-content-type`.
    pub content_type: &'a str,
    /// Whether a gRPC client has a codec for it. The envelopes `application/json-rpc` and `application/proto-rpc`
    /// are spoken by mucp services only; over gRPC the answer is `Unsupported Content-Type: …`.
    pub supported: bool,
}

impl<'a> RequestCodec<'a> {
    /// Chooses by the `Content-Type` header of the request. Parameters are left out; a type that is not known, or
    /// none at all, counts as `application/json`.
    pub fn of(header: Option<&'a str>) -> RequestCodec<'a> {
        let content_type = header.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        let (codec, supported) = match content_type {
            "application/json-rpc" => (Codec::Json, false),
            "application/proto-rpc" => (Codec::Proto, false),
            // A frame of raw bytes is for those who frame themselves: an HTTP body of that type is JSON or wrong.
            "application/grpc+bytes" => return Self::JSON,
            known => match Codec::of(known) {
                Some(codec) => (codec, true),
                None => return Self::JSON,
            },
        };
        RequestCodec { codec, content_type, supported }
    }

    const JSON: RequestCodec<'static> =
        RequestCodec { codec: Codec::Json, content_type: "application/json", supported: true };
}

/// What the `content-type` of a gRPC request means to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServedCodec {
    /// Known: the codec, and the `content-type` of the response, which mirrors the request's.
    Known(Codec, &'static str),
    /// gRPC, but of a kind that is not spoken: the call is refused, under the mirrored `content-type`.
    Unsupported {
        /// The `content-type` of the response.
        mirrored: String,
        /// The `content-type` of the request.
        content_type: String,
    },
    /// Not gRPC at all.
    NotGrpc,
}

impl ServedCodec {
    /// Reads the `content-type` of a request. Parameters after a known type are ignored; in Go they hide it.
    pub fn of(content_type: &str) -> ServedCodec {
        let bare = content_type.split(';').next().unwrap_or_default().trim_end();
        match (bare, content_type.strip_prefix("application/grpc")) {
            ("application/grpc", Some("")) => ServedCodec::Known(Codec::Proto, "application/grpc"),
            ("application/grpc+proto" | "application/grpc+json" | "application/grpc+bytes", _) => {
                let codec = Codec::of(bare).expect("the three are known");
                ServedCodec::Known(codec, codec.content_type())
            }
            (_, Some(rest)) if rest.starts_with(['+', ';']) => {
                let subtype: String = rest.chars().skip(1).collect();
                ServedCodec::Unsupported {
                    mirrored: format!("application/grpc+{subtype}"),
                    content_type: content_type.to_owned(),
                }
            }
            _ => ServedCodec::NotGrpc,
        }
    }
}

/// Returns the status for a content type that a server does not speak, in Go's words: the JSON, but no details.
pub fn unsupported_status(content_type: &str) -> Status {
    let error = RpcError::internal(SERVER_ID, format!("Unsupported Content-Type: {content_type}"));
    Status::new(Code::Unknown, error.to_json())
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
#[error("grpc: failed to unmarshal the received message {reason}")]
pub struct DecodeError {
    reason: String,
}

impl DecodeError {
    /// Returns what is wrong, without the words of gRPC around it.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the status with which a server refuses the message.
    pub fn to_status(&self) -> Status {
        Status::new(Code::Internal, self.to_string())
    }
}

/// Reads a typed message. Empty JSON and `null` are the message without members.
///
/// # Errors
/// When the bytes are not such a message, and always for [`Codec::Bytes`], which has no types.
pub fn decode<M: prost::Message + Default + DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<M, DecodeError> {
    match codec {
        Codec::Proto => M::decode(bytes).map_err(|error| DecodeError { reason: error.to_string() }),
        Codec::Json if bytes.trim_ascii().is_empty() => Ok(M::default()),
        // serde would take a list for the members in order.
        Codec::Json if bytes.trim_ascii_start().starts_with(b"[") => {
            Err(DecodeError { reason: "a list, expected an object".to_owned() })
        }
        Codec::Json => serde_json::from_slice::<Option<M>>(bytes)
            .map(Option::unwrap_or_default)
            .map_err(|error| DecodeError { reason: error.to_string() }),
        Codec::Bytes => Err(DecodeError { reason: "invalid message".to_owned() }),
    }
}

/// Writes a typed message.
pub fn encode<M: prost::Message + Serialize>(codec: Codec, message: &M) -> Vec<u8> {
    match codec {
        Codec::Json => json::to_vec(message).expect("messages have only members that JSON can hold"),
        Codec::Proto | Codec::Bytes => message.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Codec, RequestCodec, ServedCodec, decode, encode};
    use proto::greeter::Request;

    #[track_caller]
    fn check_request(header: Option<&str>, codec: Codec, content_type: &str, supported: bool) {
        assert_eq!(RequestCodec::of(header), RequestCodec { codec, content_type, supported });
    }

    #[test]
    fn requests_are_json_unless_they_say_protobuf() {
        check_request(None, Codec::Json, "application/json", true);
        check_request(Some(""), Codec::Json, "application/json", true);
        check_request(Some("text/plain"), Codec::Json, "application/json", true);
        check_request(Some("application/x-www-form-urlencoded"), Codec::Json, "application/json", true);
        check_request(Some("application/json; charset=utf-8"), Codec::Json, "application/json", true);
        check_request(Some("application/grpc+json"), Codec::Json, "application/grpc+json", true);
        for proto in [
            "application/grpc",
            "application/grpc+proto",
            "application/proto",
            "application/protobuf",
            "application/octet-stream",
        ] {
            check_request(Some(proto), Codec::Proto, proto, true);
        }
        check_request(Some("application/json-rpc"), Codec::Json, "application/json-rpc", false);
        check_request(Some("application/proto-rpc"), Codec::Proto, "application/proto-rpc", false);
    }

    #[track_caller]
    fn check_served(content_type: &str, codec: Codec, mirrored: &'static str) {
        assert_eq!(ServedCodec::of(content_type), ServedCodec::Known(codec, mirrored));
    }

    #[test]
    fn servers_choose_by_the_subtype() {
        check_served("application/grpc", Codec::Proto, "application/grpc");
        check_served("application/grpc+proto", Codec::Proto, "application/grpc+proto");
        check_served("application/grpc+json", Codec::Json, "application/grpc+json");
        check_served("application/grpc+bytes", Codec::Bytes, "application/grpc+bytes");
        check_served("application/grpc+json;charset=utf-8", Codec::Json, "application/grpc+json");
    }

    #[test]
    fn other_content_types_are_told_apart() {
        for (content_type, mirrored) in
            [("application/grpc+xml", "application/grpc+xml"), ("application/grpc;proto", "application/grpc+proto")]
        {
            let expected =
                ServedCodec::Unsupported { mirrored: mirrored.to_owned(), content_type: content_type.to_owned() };
            assert_eq!(ServedCodec::of(content_type), expected);
        }
        for content_type in ["", "application/json", "application/grpcx", "text/html"] {
            assert_eq!(ServedCodec::of(content_type), ServedCodec::NotGrpc, "{content_type}");
        }
    }

    #[test]
    fn typed_messages_are_read_and_written() {
        let john = Request { name: "John".to_owned() };
        for codec in [Codec::Json, Codec::Proto] {
            assert_eq!(decode::<Request>(codec, &encode(codec, &john)).expect("reads back"), john);
        }
        for empty in ["", " ", "null", "{}"] {
            assert_eq!(decode::<Request>(Codec::Json, empty.as_bytes()).expect("is empty"), Request::default());
        }
        for (codec, bytes) in [(Codec::Json, "{"), (Codec::Json, "[]"), (Codec::Proto, "\u{f}"), (Codec::Bytes, "")] {
            let error = decode::<Request>(codec, bytes.as_bytes()).expect_err("is refused").to_status();
            assert!(error.message.starts_with("grpc: failed to unmarshal the received message "), "{error:?}");
        }
    }
}
