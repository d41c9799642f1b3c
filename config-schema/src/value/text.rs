//! What all textual values share: one error type, and the serde and JSON Schema sides made from `FromStr` and `Display`.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::de;

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
    /// The Rust name, also the name serde sees: it chooses the diagnostic code (`bad-duration`, …).
    const NAME: &'static str;
    /// What was expected, with an article: "a duration such as `250ms`".
    const EXPECTED: &'static str;
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
        out.write_str(T::EXPECTED)
    }

    fn visit_newtype_struct<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|reason| E::custom(not_expected::<T>(text, &reason)))
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

/// Says that a text is not what was expected, and why.
pub(crate) fn not_expected<T: TextValue>(text: &str, reason: &ParseError) -> String {
    format!("`{}` is not {}: {reason}", shortened(text), T::EXPECTED)
}

/// Gives a `FromStr + Display` type its serde and JSON Schema sides.
///
/// The first string is what was expected (with an article), the second the pattern of the JSON Schema. The pattern
/// may accept more than the parser does, never less.
macro_rules! text_value {
    ($type:ident, $expected:literal, $pattern:literal) => {
        impl $crate::value::TextValue for $type {
            const NAME: &'static str = stringify!($type);
            const EXPECTED: &'static str = $expected;
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(
                    <Self as $crate::value::TextValue>::NAME,
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
                    "description": concat!("Text: ", $expected, "."),
                    "pattern": $pattern,
                })
            }
        }
    };
}

pub(crate) use text_value;
