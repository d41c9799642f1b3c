//! Content types of MUCP, and which codec and envelope each means.

use super::message::Headers;
use crate::codec::Codec;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `application/protobuf`, the default: a bare message.
    Proto,
    /// `application/json`: a value and a line break.
    Json,
    /// `application/json-rpc`: JSON-RPC 1.0.
    JsonRpc,
    /// `application/proto-rpc`: two netstrings, a head in protobuf and the message.
    ProtoRpc,
    /// `application/octet-stream`: raw bytes.
    Bytes,
    /// `application/grpc` and `application/grpc+proto`: a frame of gRPC around protobuf.
    GrpcProto,
    /// `application/grpc+json`: a frame of gRPC around JSON.
    GrpcJson,
}

impl ContentType {
    /// Returns the one that a go-micro client takes for a codec.
    pub fn of_codec(codec: Codec) -> ContentType {
        match codec {
            Codec::Json => ContentType::Json,
            Codec::Proto => ContentType::Proto,
            Codec::Bytes => ContentType::Bytes,
        }
    }

    /// Reads a `Content-Type`; `None` for what MUCP does not speak. Parameters are left out (Go refuses them), and
    /// no content type at all is protobuf.
    pub fn of(header: &str) -> Option<ContentType> {
        match header.split(';').next().unwrap_or_default().trim() {
            "" | "application/protobuf" => Some(ContentType::Proto),
            "application/json" => Some(ContentType::Json),
            "application/json-rpc" => Some(ContentType::JsonRpc),
            "application/proto-rpc" => Some(ContentType::ProtoRpc),
            "application/octet-stream" => Some(ContentType::Bytes),
            "application/grpc" | "application/grpc+proto" => Some(ContentType::GrpcProto),
            "application/grpc+json" => Some(ContentType::GrpcJson),
            _ => None,
        }
    }

    /// Returns what peers of before go-micro 0.15 mean by a content type: always an envelope.
    #[must_use]
    pub fn legacy(self) -> ContentType {
        match self {
            ContentType::Json | ContentType::JsonRpc => ContentType::JsonRpc,
            ContentType::Proto | ContentType::ProtoRpc | ContentType::Bytes => ContentType::ProtoRpc,
            grpc => grpc,
        }
    }

    /// Returns the codec of the message inside.
    pub fn codec(self) -> Codec {
        match self {
            ContentType::Json | ContentType::JsonRpc | ContentType::GrpcJson => Codec::Json,
            ContentType::Proto | ContentType::ProtoRpc | ContentType::GrpcProto => Codec::Proto,
            ContentType::Bytes => Codec::Bytes,
        }
    }

    /// Returns the `Content-Type` that is transmitted.
    pub fn name(self) -> &'static str {
        match self {
            ContentType::Proto => "application/protobuf",
            ContentType::Json => "application/json",
            ContentType::JsonRpc => "application/json-rpc",
            ContentType::ProtoRpc => "application/proto-rpc",
            ContentType::Bytes => "application/octet-stream",
            ContentType::GrpcProto => "application/grpc+proto",
            ContentType::GrpcJson => "application/grpc+json",
        }
    }

    /// Says whether it is a frame of gRPC.
    pub(crate) fn is_grpc(self) -> bool {
        matches!(self, ContentType::GrpcProto | ContentType::GrpcJson)
    }
}

/// Says whether a request comes from a peer of before go-micro 0.15: it names no service, method or endpoint, or it
/// names a target; and it neither says that it speaks MUCP nor is it an event.
pub fn is_legacy(headers: &Headers) -> bool {
    let has = |name| !headers.get_or_twin(name).is_empty();
    let names_nothing = !["Micro-Service", "Micro-Method", "Micro-Endpoint"].into_iter().any(has);
    !has("Micro-Protocol") && !has("Micro-Topic") && (names_nothing || has("Micro-Target"))
}

#[cfg(test)]
mod tests {
    use super::{ContentType, Headers, is_legacy};

    #[test]
    fn names_are_read_back() {
        for content in [
            ContentType::Proto,
            ContentType::Json,
            ContentType::JsonRpc,
            ContentType::ProtoRpc,
            ContentType::Bytes,
            ContentType::GrpcProto,
            ContentType::GrpcJson,
        ] {
            assert_eq!(ContentType::of(content.name()), Some(content));
        }
        assert_eq!(ContentType::of(""), Some(ContentType::Proto));
        assert_eq!(ContentType::of("application/json; charset=utf-8"), Some(ContentType::Json));
        assert_eq!(ContentType::of("text/xml"), None);
    }

    #[track_caller]
    fn check_legacy(headers: &[(&str, &str)], expected: bool) {
        let mut map = Headers::new();
        for (name, value) in headers {
            map.set(name, *value);
        }
        assert_eq!(is_legacy(&map), expected, "{headers:?}");
    }

    #[test]
    fn legacy_peers_are_told_by_what_they_do_not_say() {
        check_legacy(&[], true);
        check_legacy(&[("Micro-Id", "1")], true);
        check_legacy(&[("Micro-Endpoint", "A.B")], false);
        check_legacy(&[("X-Micro-Method", "A.B")], false);
        check_legacy(&[("Micro-Service", "a"), ("Micro-Target", "a")], true);
        check_legacy(&[("Micro-Target", "a"), ("Micro-Protocol", "mucp")], false);
        check_legacy(&[("Micro-Topic", "t")], false);
    }
}
