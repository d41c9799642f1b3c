//! What serde's errors become before they know their place.

use std::fmt;

use serde::de;

use crate::{
    diagnostic::Code,
    value::{self, ValueFacts},
};

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
    WrongType { expected: Expected },
    /// The text is none of the words that may stand there.
    UnknownValue { found: String, known: &'static [&'static str] },
    /// A key that must be there is not.
    MissingKey { key: &'static str },
    /// A map with several keys where one chooses.
    SeveralKeys { known: &'static [&'static str] },
    /// A number out of its range, or a list too short.
    OutOfRange { code: Code, message: String, allowed: String },
    /// A text that is no value of its type, and why.
    Refused { reason: String },
}

/// What type a value should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Text,
    Bool,
    List,
    Map,
    WholeNumber,
    /// In the words of the type.
    Other(String),
}

impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Map => "a map",
            Self::WholeNumber => "a whole number",
            Self::Other(words) => words,
        })
    }
}

impl Failure {
    pub(super) fn raw(kind: Kind) -> Self {
        Self::Raw(Raw { kind, type_name: None })
    }

    pub(super) fn wrong_type(expected: Expected) -> Self {
        Self::raw(Kind::WrongType { expected })
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
    /// What is known about the type of value that was being read.
    pub(super) fn facts(&self) -> Option<&'static ValueFacts> {
        self.type_name.and_then(value::facts)
    }

    /// Which kind of finding this is.
    pub(super) fn code(&self) -> Code {
        match &self.kind {
            Kind::WrongType { .. } | Kind::UnknownValue { .. } if self.type_name == Some("Version") => {
                Code::UnknownVersion
            }
            Kind::WrongType { .. } | Kind::SeveralKeys { .. } => Code::WrongType,
            Kind::UnknownValue { .. } => Code::UnknownValue,
            Kind::MissingKey { .. } => Code::MissingKey,
            Kind::OutOfRange { code, .. } => *code,
            Kind::Refused { .. } => self.facts().map_or(Code::WrongType, |facts| facts.code),
        }
    }
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
        Self::raw(Kind::Refused { reason: message.to_string() })
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong_type(Expected::Other(expected.to_string()))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong_type(Expected::Other(expected.to_string()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::raw(Kind::UnknownValue { found: variant.to_owned(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::raw(Kind::MissingKey { key: field })
    }
}
