//! How a message reads and writes as JSON, as far as the messages of this crate need it.
//!
//! The rules are those of protobuf's JSON mapping that Go peers follow: members with their default value are
//! omitted, 64-bit integers are strings, unknown members are refused. Reading is more liberal than Go: `null` is
//! the default of any member, a number may stand for a string (a query `?name=5` becomes the text `5`) and a
//! string for a number.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// Says whether a member is left out: it has its default value.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A string member.
pub mod text {
    use super::{Deserializer, Text};

    /// Reads a string; numbers and booleans become their text, `null` the empty string.
    ///
    /// # Errors
    /// When the value is a list or an object.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

/// A 64-bit integer without sign: written as a string, read from a string or a number.
pub mod uint64 {
    use super::{Deserializer, Error, Serializer, Text};

    /// Reads a decimal string or a whole number; `null` is zero.
    ///
    /// # Errors
    /// When the value is neither, or out of range.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = deserializer.deserialize_any(Text)?;
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|_| D::Error::custom(format_args!("`{text}` is not an unsigned 64-bit integer")))
    }

    /// Writes the decimal digits as a string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
}

/// A 64-bit integer: written as a string, read from a string or a number.
pub mod int64 {
    use super::{Deserializer, Error, Serializer, Text};

    /// Reads a decimal string or a whole number; `null` is zero.
    ///
    /// # Errors
    /// When the value is neither, or out of range.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = deserializer.deserialize_any(Text)?;
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|_| D::Error::custom(format_args!("`{text}` is not a 64-bit integer")))
    }

    /// Writes the decimal digits as a string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
}

/// The side of a span: written as its name, read from the name or the number.
pub mod span_type {
    use super::{Deserializer, Error, Serializer, Text};
    use crate::debug::SpanType;

    /// Reads a name or a number; `null` is the first one.
    ///
    /// # Errors
    /// When the value is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        let text = deserializer.deserialize_any(Text)?;
        if let Some(known) = SpanType::from_str_name(&text) {
            return Ok(known.into());
        }
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|_| D::Error::custom(format_args!("`{text}` is not a type of span")))
    }

    /// Writes the name; a number without one stays a number.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        match SpanType::try_from(*value) {
            Ok(known) => serializer.serialize_str(known.as_str_name()),
            Err(_) => serializer.serialize_i32(*value),
        }
    }
}

/// Reads a member of any type; `null` is its default.
///
/// # Errors
/// When the value is of another type.
pub fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A member of bytes: base64 in JSON.
pub mod base64 {
    use ::base64::Engine;
    use ::base64::engine::general_purpose::STANDARD;
    use prost::bytes::Bytes;

    use super::{Deserializer, Error, Serializer, Text};

    /// Reads padded base64; `null` is empty.
    ///
    /// # Errors
    /// When the value is no such string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = deserializer.deserialize_any(Text)?;
        STANDARD.decode(&text).map(Bytes::from).map_err(D::Error::custom)
    }

    /// Writes padded base64.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&STANDARD.encode(value))
    }
}

/// Takes any scalar for its text.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<String, E> {
        Ok(value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok(String::new())
    }
}

#[cfg(test)]
mod tests {
    use crate::debug::{HealthResponse, StatsResponse};
    use crate::greeter::Request;

    #[track_caller]
    fn check_request(text: &str, expected: Result<&str, &str>) {
        let request = serde_json::from_str::<Request>(text);
        match expected {
            Ok(name) => assert_eq!(request.expect("is accepted").name, name),
            Err(part) => {
                let error = request.expect_err("is refused").to_string();
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn reading_is_liberal_but_not_blind() {
        check_request(r#"{"name":"John"}"#, Ok("John"));
        check_request("{}", Ok(""));
        check_request(r#"{"name":null}"#, Ok(""));
        check_request(r#"{"name":123}"#, Ok("123"));
        check_request(r#"{"name":-1.5}"#, Ok("-1.5"));
        check_request(r#"{"name":true}"#, Ok("true"));
        check_request(r#"{"name":["a"]}"#, Err("a string or a number"));
        check_request(r#"{"nope":1}"#, Err("unknown field `nope`"));
    }

    #[test]
    fn spans_name_their_side() {
        use crate::debug::{Span, SpanType};
        let span = Span { r#type: SpanType::Outbound.into(), started: 7, ..Span::default() };
        let text = serde_json::to_string(&span).expect("serialises");
        assert_eq!(text, r#"{"started":"7","type":"OUTBOUND"}"#);
        for text in [&text, r#"{"started":7,"type":1,"metadata":null}"#] {
            assert_eq!(serde_json::from_str::<Span>(text).expect("reads back"), span);
        }
        assert!(serde_json::from_str::<Span>(r#"{"type":"SIDEWAYS"}"#).is_err());
    }

    #[test]
    fn defaults_are_omitted_and_large_integers_are_strings() {
        let stats = StatsResponse { timestamp: 1_795_475_277, requests: 2, ..Default::default() };
        let text = serde_json::to_string(&stats).expect("serialises");
        assert_eq!(text, r#"{"timestamp":"1795475277","requests":"2"}"#);
        assert_eq!(serde_json::from_str::<StatsResponse>(&text).expect("reads back"), stats);
        let mixed: StatsResponse = serde_json::from_str(r#"{"errors":7,"gc":null}"#).expect("is accepted");
        assert_eq!((mixed.errors, mixed.gc), (7, 0));
        assert!(serde_json::from_str::<StatsResponse>(r#"{"errors":"-1"}"#).is_err());
        assert_eq!(serde_json::to_string(&HealthResponse::default()).expect("serialises"), "{}");
    }
}
