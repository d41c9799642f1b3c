//! Reading an error object out of text, with Go's tolerance.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::RpcError;
use crate::json::lossy;

impl RpcError {
    /// Reads an error object as go-micro's `errors.Parse` does. It never fails:
    ///
    /// - text that is not JSON (also JSON with something behind it) becomes the detail, nothing else is kept;
    /// - a member of the wrong type, or a code that does not fit 32 bits, keeps the other members and makes the
    ///   whole text the detail; so does a JSON value that is not an object;
    /// - an object without a code, and `null`, yield what was found with code 0: not an error of go-micro.
    ///
    /// Member names match in any case, the last of equal ones counts, unknown ones are ignored.
    pub fn parse(text: &str) -> RpcError {
        match serde_json::from_str::<Parsed>(text) {
            Ok(Parsed { error, sound: true }) => error,
            Ok(Parsed { error, sound: false }) => RpcError { detail: text.to_owned(), ..error },
            Err(_) => RpcError { detail: text.to_owned(), ..RpcError::default() },
        }
    }

    /// Reads an error object out of bytes; each byte that is not valid UTF-8 counts as U+FFFD.
    pub fn parse_bytes(bytes: &[u8]) -> RpcError {
        Self::parse(&lossy(bytes))
    }
}

/// What a JSON value says, and whether all of it had the right type.
struct Parsed {
    error: RpcError,
    sound: bool,
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parsed, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'{') => {
                serde_json::Deserializer::from_str(raw).deserialize_map(Members).map_err(serde::de::Error::custom)
            }
            Some(b'n') => Ok(Parsed { error: RpcError::default(), sound: true }),
            _ => Ok(Parsed { error: RpcError::default(), sound: false }),
        }
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Parsed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an error object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parsed, A::Error> {
        let mut parsed = Parsed { error: RpcError::default(), sound: true };
        while let Some(name) = map.next_key::<&RawValue>()? {
            let name = string(name.get()).unwrap_or_default().to_ascii_lowercase();
            if !matches!(name.as_str(), "id" | "code" | "detail" | "status") {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<&RawValue>()?.get();
            parsed.sound &= value == "null" || set(&mut parsed.error, &name, value);
        }
        Ok(parsed)
    }
}

/// Sets one member; says no when the value has the wrong type.
fn set(error: &mut RpcError, name: &str, value: &str) -> bool {
    if name == "code" {
        // Go takes an integer literal only: neither `404.0` nor `4e2`.
        return value.parse().map(|code| error.code = code).is_ok();
    }
    let Some(text) = string(value) else { return false };
    match name {
        "id" => error.id = Cow::Owned(text),
        "detail" => error.detail = text,
        _ => error.status = Cow::Owned(text),
    }
    true
}

/// Decodes a JSON string. A lone surrogate, which Rust's strings cannot hold, becomes U+FFFD as in Go.
fn string(raw: &str) -> Option<String> {
    if !raw.starts_with('"') {
        return None;
    }
    if let Ok(text) = serde_json::from_str(raw) {
        return Some(text);
    }
    let mut units = Vec::new();
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?;
    while let Some(character) = rest.chars().next() {
        // An escape is `\u` and four digits, or a backslash and one letter; anything else is one character.
        let length = match (character, rest.as_bytes().get(1)) {
            ('\\', Some(b'u')) => 6,
            ('\\', _) => 2,
            _ => character.len_utf8(),
        };
        let (token, after) = rest.split_at_checked(length)?;
        match token.strip_prefix("\\u") {
            Some(digits) => units.push(u16::from_str_radix(digits, 16).ok()?),
            None => units.extend(serde_json::from_str::<String>(&format!("\"{token}\"")).ok()?.encode_utf16()),
        }
        rest = after;
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::RpcError;

    #[track_caller]
    fn check(text: &str, id: &str, code: i32, detail: &str) {
        let error = RpcError::parse(text);
        assert_eq!((error.id.as_ref(), error.code, error.detail.as_str()), (id, code, detail));
    }

    #[test]
    fn members_match_in_any_case_and_the_last_one_counts() {
        check(r#"{"ID":"a","Code":1,"code":404,"dEtAil":"x","other":{"code":5}}"#, "a", 404, "x");
    }

    #[test]
    fn null_members_change_nothing() {
        check(r#"{"id":"a","id":null,"code":null}"#, "a", 0, "");
    }

    #[test]
    fn trailing_text_makes_everything_detail() {
        let text = r#"{"id":"a","code":404} x"#;
        check(text, "", 0, text);
    }

    #[test]
    fn a_code_is_an_integer_literal_of_32_bits() {
        for code in ["404.0", "4e2", "2147483648", "\"404\"", "true", "{}"] {
            let text = format!(r#"{{"id":"a","code":{code}}}"#);
            check(&text, "a", 0, &text);
        }
        check(r#"{"code":-2147483648}"#, "", i32::MIN, "");
        check(r#"{"code":-0}"#, "", 0, "");
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        check(r#"{"id":"\ud800x\n","detail":"\ud83d\udc0e \\ud800 \udc0e"}"#, "\u{fffd}x\n", 0, "🐎 \\ud800 \u{fffd}");
    }

    #[test]
    fn deep_nesting_is_no_trouble() {
        let text = format!(r#"{{"x":{}{},"code":7}}"#, "[".repeat(200_000), "]".repeat(200_000));
        let error = RpcError::parse(&text);
        assert!(error.code == 7 || error.detail == text, "either ignored or refused as a whole");
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let error = RpcError::parse_bytes(b"{\"code\":1,\"detail\":\"a\xffb\"}");
        assert_eq!(error.detail, "a\u{fffd}b");
    }
}
