//! What serde's errors become before they know their place.

use std::fmt;

use serde::de;

use crate::diagnostic::Code;

/// An error on its way up to the value that caused it.
#[derive(Debug)]
pub(super) enum Failure {
    /// Noted already; the value is put aside.
    Reported,
    /// Still without place.
    Raw(Raw),
}

#[derive(Debug)]
pub(super) struct Raw {
    pub(super) kind: Kind,
    /// The name of the type that was being read, where it has one: `Duration`, `Listener`.
    pub(super) type_name: Option<&'static str>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The value has another type than expected.
    WrongType { expected: String },
    /// The text is none of the words that may stand there.
    UnknownValue { found: String, known: &'static [&'static str] },
    /// A key that must be there is not.
    MissingKey { key: &'static str },
    /// A number out of its range, or a list too short; the message says it all.
    OutOfRange { code: Code, message: String },
    /// Whatever the parser of a value says.
    Refused { message: String },
}

impl Failure {
    pub(super) fn raw(kind: Kind) -> Self {
        Self::Raw(Raw { kind, type_name: None })
    }

    pub(super) fn wrong_type(expected: impl fmt::Display) -> Self {
        Self::raw(Kind::WrongType { expected: expected.to_string() })
    }

    /// Remembers the innermost type that was being read.
    pub(super) fn within(self, type_name: Option<&'static str>) -> Self {
        match self {
            Self::Raw(raw) => Self::Raw(Raw { type_name: raw.type_name.or(type_name), ..raw }),
            Self::Reported => Self::Reported,
        }
    }
}

impl Raw {
    /// Which kind of finding this is.
    pub(super) fn code(&self) -> Code {
        match &self.kind {
            Kind::WrongType { .. } => Code::WrongType,
            Kind::UnknownValue { .. } if self.type_name == Some("Version") => Code::UnknownVersion,
            Kind::UnknownValue { .. } => Code::UnknownValue,
            Kind::MissingKey { .. } => Code::MissingKey,
            Kind::OutOfRange { code, .. } => *code,
            Kind::Refused { .. } => self.type_name.and_then(code_of_value).unwrap_or(Code::WrongType),
        }
    }

}

/// The kind of finding when the parser of a value refuses a text, by the name of its type.
///
/// This is also the list of the textual values: a type that is none of them has no code of its own.
pub(super) fn code_of_value(name: &str) -> Option<Code> {
    Some(match name {
        "Duration" => Code::BadDuration,
        "ByteSize" => Code::BadSize,
        "Rate" => Code::BadRate,
        "Percent" => Code::BadPercent,
        "ListenAddress" | "EndpointAddress" | "AdminAddress" => Code::BadAddress,
        "Network" => Code::BadNetwork,
        "Pattern" => Code::BadRegex,
        "HostPattern" | "HostRewrite" => Code::BadHost,
        "PathText" | "AccessLogPath" => Code::BadPath,
        "Method" => Code::BadMethod,
        "HeaderName" | "HeaderValue" => Code::BadHeader,
        "Status" => Code::BadStatus,
        "WebOrigin" => Code::BadOrigin,
        "RedirectTarget" => Code::BadRedirect,
        "RequestLine" => Code::BadRequest,
        "Secret" => Code::BadSecret,
        "ListenerName" | "RouteTableName" | "RouteName" | "PolicySetName" | "ServiceName" | "ServiceType" | "Namespace" => {
            Code::BadName
        }
        _ => return None,
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => out.write_str("reported already"),
            Self::Raw(raw) => write!(out, "{:?}", raw.kind),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::raw(Kind::Refused { message: message.to_string() })
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong_type(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong_type(expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::raw(Kind::UnknownValue { found: variant.to_owned(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::raw(Kind::MissingKey { key: field })
    }
}
