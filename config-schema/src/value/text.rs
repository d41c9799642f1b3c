//! What all textual values share: one error type, and the serde and JSON Schema sides made from `FromStr` and `Display`.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::de;

use crate::diagnostic::Code;

/// Why a text is not the value it should be, in words that finish the sentence "`TEXT` is not a …:".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

impl ParseError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A value written as one piece of text.
pub(crate) trait TextValue: FromStr<Err = ParseError> {
    /// What is known about the type.
    const FACTS: ValueFacts;
}

/// What findings say about a type of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueFacts {
    /// The Rust name, also the name serde sees.
    pub(crate) name: &'static str,
    /// The kind of finding when a text is refused.
    pub(crate) code: Code,
    /// What was expected, with an article: "a duration".
    pub(crate) what: &'static str,
    /// How it may look: examples such as "`250ms` or `5s`" or, for names, a sentence; empty where the reason says enough.
    pub(crate) examples: &'static str,
}

/// Reads a [`TextValue`] from a scalar; anything else is the wrong type.
pub(crate) struct TextVisitor<T>(PhantomData<T>);

impl<T> TextVisitor<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: TextValue> de::Visitor<'de> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(T::FACTS.what)
    }

    fn visit_newtype_struct<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Cuts a text that would fill a report, and shows control characters as escapes.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        match c {
            _ if at == LONGEST => {
                shown.push('…');
                break;
            }
            c if c.is_control() => shown.extend(c.escape_debug()),
            c => shown.push(c),
        }
    }
    shown
}

/// Gives a `FromStr + Display` type its serde and JSON Schema sides.
///
/// After the type: the code of its findings, what was expected (with an article), examples, and the pattern of the
/// JSON Schema. The pattern may accept more than the parser does, never less.
macro_rules! text_value {
    ($type:ident, $code:ident, $what:literal, $examples:literal, $pattern:literal) => {
        impl $crate::value::TextValue for $type {
            const FACTS: $crate::value::ValueFacts = $crate::value::ValueFacts {
                name: stringify!($type),
                code: $crate::Code::$code,
                what: $what,
                examples: $examples,
            };
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(
                    <Self as $crate::value::TextValue>::FACTS.name,
                    $crate::value::text::TextVisitor::<Self>::new(),
                )
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": concat!("Text: ", $what, "."),
                    "pattern": $pattern,
                })
            }
        }
    };
}

pub(crate) use text_value;
