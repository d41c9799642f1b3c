//! The gRPC status: code, message and details as they stand in the trailers of a response.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::error::RpcError;
use crate::json::lossy;

/// The trailer that holds the code, a decimal number.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// The trailer that holds the message, percent-encoded.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// The trailer that holds a `google.rpc.Status`, in base64.
pub const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// What `grpc-message` cannot hold as it is: control bytes, `%`, and (always) what is not ASCII.
const MESSAGE_ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// Base64 of `-bin` headers: written without padding, read with or without (gRPC over HTTP/2, "Binary-Header").
pub(crate) const BINARY: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The status codes of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// 0: the call succeeded.
    Ok = 0,
    /// 1: the caller gave up.
    Cancelled = 1,
    /// 2: an error that has no code of its own; go-micro's answer to most errors.
    Unknown = 2,
    /// 3: the request cannot be right, whatever the state of the service.
    InvalidArgument = 3,
    /// 4: the deadline passed.
    DeadlineExceeded = 4,
    /// 5: something that was asked for does not exist.
    NotFound = 5,
    /// 6: something that was to be made exists.
    AlreadyExists = 6,
    /// 7: the caller may not do this.
    PermissionDenied = 7,
    /// 8: a quota or a size limit was reached.
    ResourceExhausted = 8,
    /// 9: the state of the service does not allow it.
    FailedPrecondition = 9,
    /// 10: a conflict with another call.
    Aborted = 10,
    /// 11: past the end.
    OutOfRange = 11,
    /// 12: no such service or method.
    Unimplemented = 12,
    /// 13: an invariant of the service is broken.
    Internal = 13,
    /// 14: the service cannot be reached now.
    Unavailable = 14,
    /// 15: data is lost.
    DataLoss = 15,
    /// 16: the caller did not say who it is.
    Unauthenticated = 16,
}

impl Code {
    /// All codes; each stands at the place of its number.
    pub const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// Returns the code of a number; a number that gRPC does not define is [`Code::Unknown`].
    pub fn from_number(number: i32) -> Code {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or(Code::Unknown)
    }

    /// Returns the number, 0 to 16.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Returns the name that Go prints.
    pub fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "Canceled",
            Code::Unknown => "Unknown",
            Code::InvalidArgument => "InvalidArgument",
            Code::DeadlineExceeded => "DeadlineExceeded",
            Code::NotFound => "NotFound",
            Code::AlreadyExists => "AlreadyExists",
            Code::PermissionDenied => "PermissionDenied",
            Code::ResourceExhausted => "ResourceExhausted",
            Code::FailedPrecondition => "FailedPrecondition",
            Code::Aborted => "Aborted",
            Code::OutOfRange => "OutOfRange",
            Code::Unimplemented => "Unimplemented",
            Code::Internal => "Internal",
            Code::Unavailable => "Unavailable",
            Code::DataLoss => "DataLoss",
            Code::Unauthenticated => "Unauthenticated",
        }
    }

    /// Returns the gRPC code with which go-micro sends an error object of this code.
    ///
    /// Codes that are not in its table (405, 429, 502, own ones) are [`Code::Unknown`].
    pub fn from_micro(code: i32) -> Code {
        match code {
            200 => Code::Ok,
            400 => Code::InvalidArgument,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::NotFound,
            408 => Code::DeadlineExceeded,
            409 => Code::AlreadyExists,
            412 => Code::FailedPrecondition,
            500 => Code::Internal,
            501 => Code::Unimplemented,
            503 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?} ({})", self.number())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// The message, decoded; empty on success.
    pub message: String,
    /// An encoded `google.rpc.Status`; empty where there is none.
    pub details: Bytes,
}

impl Status {
    /// Returns success.
    pub fn ok() -> Status {
        Status::new(Code::Ok, "")
    }

    /// Returns a status without details.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        Status { code, message: message.into(), details: Bytes::new() }
    }

    /// Reads the status from trailers, or from the headers of a response that has nothing else ("Trailers-Only").
    ///
    /// `None` when there is no `grpc-status`. A code that is no number is [`Code::Unknown`]; details that are not
    /// base64 are left out, as the message says enough.
    pub fn from_trailers(trailers: &HeaderMap) -> Option<Status> {
        let number = trailers.get(&GRPC_STATUS)?;
        let number = number.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(-1);
        let message = trailers.get(&GRPC_MESSAGE).map_or_else(String::new, |value| decode_message(value.as_bytes()));
        let details = trailers.get(&GRPC_STATUS_DETAILS).and_then(|value| BINARY.decode(value.as_bytes()).ok());
        Some(Status { code: Code::from_number(number), message, details: details.unwrap_or_default().into() })
    }

    /// Writes `grpc-status`, `grpc-message` (also when it is empty, as Go does) and, where there are, the details.
    pub fn write_trailers(&self, trailers: &mut HeaderMap) {
        trailers.insert(GRPC_STATUS, HeaderValue::from(self.code.number()));
        trailers.insert(GRPC_MESSAGE, encode_message(&self.message));
        if !self.details.is_empty() {
            let text = BINARY.encode(&self.details);
            trailers.insert(GRPC_STATUS_DETAILS, HeaderValue::try_from(text).expect("base64 is ASCII"));
        }
    }

    /// Returns the trailers of this status.
    pub fn to_trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(3);
        self.write_trailers(&mut trailers);
        trailers
    }
}

/// A status that is not OK, as an error. It prints as Go's gRPC library does, which is what go-micro's clients show
/// when a stream fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rpc error: code = {} desc = {}", .0.code.name(), .0.message)]
pub struct GrpcError(pub Status);

impl GrpcError {
    /// Returns the error object in it, found as for a unary call ([`RpcError::from_grpc`]).
    pub fn to_micro(&self) -> RpcError {
        RpcError::from_grpc(&self.0)
    }
}

/// Percent-encodes a message for `grpc-message`.
pub fn encode_message(message: &str) -> HeaderValue {
    let encoded: Cow<'_, str> = percent_encode(message.as_bytes(), MESSAGE_ESCAPED).into();
    HeaderValue::from_str(&encoded).expect("controls and non-ASCII bytes are encoded")
}

/// Decodes the value of `grpc-message`; what is not a valid escape stays, invalid UTF-8 becomes U+FFFD.
pub fn decode_message(value: &[u8]) -> String {
    lossy(&Cow::from(percent_decode(value)))
}

#[cfg(test)]
mod tests {
    use super::{Code, HeaderMap, HeaderValue, Status, decode_message, encode_message};

    #[track_caller]
    fn check_message(text: &str, wire: &str) {
        assert_eq!(encode_message(text), wire);
        assert_eq!(decode_message(wire.as_bytes()), text);
    }

    #[test]
    fn messages_are_percent_encoded() {
        check_message("", "");
        check_message("plain 50% ž", "plain 50%25 %C5%BE");
        check_message("a\nb\u{7f}~", "a%0Ab%7F~");
        check_message(r#"{"id":"i","detail":"d"}"#, r#"{"id":"i","detail":"d"}"#);
    }

    #[test]
    fn broken_escapes_stay_and_broken_text_is_replaced() {
        assert_eq!(decode_message(b"100% sure %zz %4"), "100% sure %zz %4");
        assert_eq!(decode_message(b"a%FFb\xfe"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn numbers_outside_the_table_are_unknown() {
        assert!((0..17).all(|number| Code::from_number(number).number() == number));
        assert_eq!(Code::from_number(17), Code::Unknown);
        assert_eq!(Code::from_number(-1), Code::Unknown);
    }

    #[test]
    fn a_status_survives_its_trailers() {
        let status = Status { details: b"\x08\x05".as_slice().into(), ..Status::new(Code::NotFound, "50% ž") };
        assert_eq!(Status::from_trailers(&status.to_trailers()), Some(status));
        assert_eq!(Status::from_trailers(&Status::ok().to_trailers()), Some(Status::ok()));
        assert_eq!(Status::from_trailers(&HeaderMap::new()), None);
    }

    #[test]
    fn padded_details_are_accepted_and_broken_ones_ignored() {
        let mut trailers = Status::new(Code::Unknown, "x").to_trailers();
        trailers.insert(super::GRPC_STATUS_DETAILS, HeaderValue::from_static("CAU="));
        assert_eq!(Status::from_trailers(&trailers).expect("has a status").details, b"\x08\x05".as_slice());
        trailers.insert(super::GRPC_STATUS_DETAILS, HeaderValue::from_static("?"));
        assert_eq!(Status::from_trailers(&trailers), Some(Status::new(Code::Unknown, "x")));
        trailers.insert(super::GRPC_STATUS, HeaderValue::from_static("soon"));
        assert_eq!(Status::from_trailers(&trailers).expect("has a status").code, Code::Unknown);
    }
}
