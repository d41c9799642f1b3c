//! Words of HTTP that a document may hold: methods, header names and values, statuses, origins, a request line.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ParseError, ValueFacts, text_value};
use crate::diagnostic::Code;

/// A method (RFC 9110 §9): a token, `GET` and `get` are different.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(String);

text_value!(Method, BadMethod, "an HTTP method", "`GET`", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");

/// The methods that exist; a lower-case spelling of one is a slip.
const KNOWN_METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

impl Method {
    /// Returns the method as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        token(text)?;
        let upper = text.to_ascii_uppercase();
        if upper != text && KNOWN_METHODS.contains(&upper.as_str()) {
            return Err(ParseError::new(format!("methods are written in capitals: `{upper}`")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The name of a header (RFC 9110 §5.1), kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(String);

text_value!(HeaderName, BadHeader, "a header name", "`x-request-id`", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");

impl HeaderName {
    /// Makes a name that is known to be one; for defaults.
    pub(crate) fn known(name: &'static str) -> Self {
        debug_assert!(token(name).is_ok() && name.to_ascii_lowercase() == name);
        Self(name.to_owned())
    }

    /// Returns the name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        token(text)?;
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The value of a header (RFC 9110 §5.5): no control characters but the tab, no blanks at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderValue(String);

text_value!(HeaderValue, BadHeader, "a header value", "", "^[^\\r\\n]*$");

impl HeaderValue {
    /// Returns the value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderValue {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(bad) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(ParseError::new(format!("`{}` is not allowed", bad.escape_debug())));
        }
        if text.trim_matches([' ', '\t']) != text {
            return Err(ParseError::new("blanks at the start or the end are lost on the wire"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A status code of a final response: 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

impl Status {
    /// 200 OK.
    pub const OK: Self = Self(200);
    /// 302 Found.
    pub const FOUND: Self = Self(302);

    /// Makes a status of a number from 200 to 599.
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 200 && code <= 599 { Some(Self(code)) } else { None }
    }

    /// Returns the number.
    pub const fn code(self) -> u16 {
        self.0
    }
}

pub(super) const STATUS_FACTS: ValueFacts =
    ValueFacts { name: "Status", code: Code::BadStatus, what: "a status", examples: "" };

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(STATUS_FACTS.name, StatusVisitor)
    }
}

struct StatusVisitor;

impl<'de> de::Visitor<'de> for StatusVisitor {
    type Value = Status;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a status")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Status, D::Error> {
        deserializer.deserialize_u64(self)
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<Status, E> {
        let status = u16::try_from(code).ok().and_then(Status::new);
        status.ok_or_else(|| E::custom("statuses go from 200 to 599"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Status, E> {
        Err(E::custom("statuses go from 200 to 599"))
    }
}

impl schemars::JsonSchema for Status {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer", "minimum": 200, "maximum": 599,
            "description": "The status code of a final response.",
        })
    }
}

/// An origin of a web page (RFC 6454): `https://app.example.com`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebOrigin {
    /// `*`: any origin, never with credentials.
    Any,
    /// Scheme, host and, unless it is the scheme's own, port; in lower case.
    Exact(String),
}

text_value!(WebOrigin, BadOrigin, "an origin", "`https://app.example.com`", "^(\\*|https?://[^/\\s]+)$");

impl FromStr for WebOrigin {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let lower = text.to_ascii_lowercase();
        let Some((scheme, authority)) = lower.split_once("://") else {
            return Err(ParseError::new(format!("the scheme is missing, as in `https://{text}`")));
        };
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            other => return Err(ParseError::new(format!("`{other}` is neither http nor https"))),
        };
        if let Some((host, path)) = authority.split_once('/') {
            let path = if path.is_empty() { "slash" } else { "path" };
            return Err(ParseError::new(format!("an origin has no {path}; write `{scheme}://{host}`")));
        }
        if authority.contains('*') {
            return Err(ParseError::new("there are no wildcards in an origin but `*` alone"));
        }
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        let bad = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'));
        if authority.is_empty() || authority.contains(bad) {
            return Err(ParseError::new(format!("`{authority}` is no host")));
        }
        Ok(Self::Exact(format!("{scheme}://{authority}")))
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(origin) => out.write_str(origin),
        }
    }
}

/// A request in one line: `GET https://api.example.com/greeter/say/hello?name=John`. Without a method it is `GET`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The absolute URL as written, scheme `http` or `https`.
    pub url: String,
}

text_value!(
    RequestLine,
    BadRequest,
    "a request",
    "`GET http://localhost:8080/greeter`",
    "^([A-Za-z-]+ +)?https?://\\S+$"
);

impl FromStr for RequestLine {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let (method, url) = match text.split_once(' ') {
            Some((method, url)) => (method.parse()?, url.trim_start()),
            None => (Method("GET".to_owned()), text),
        };
        let authority = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let Some(authority) = authority else {
            return Err(ParseError::new("the URL begins with http:// or https://"));
        };
        if authority.is_empty() || authority.starts_with(['/', '?', '#']) {
            return Err(ParseError::new("the URL has no host"));
        }
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ParseError::new("the URL has blanks; write them as %20"));
        }
        Ok(Self { method, url: url.to_owned() })
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, self.url)
    }
}

/// Checks a token (RFC 9110 §5.6.2).
fn token(text: &str) -> Result<(), ParseError> {
    if text.is_empty() {
        return Err(ParseError::new("it is empty"));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*c))) {
        Some(bad) => Err(ParseError::new(format!("`{}` is not allowed", bad.escape_debug()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = ParseError> + ToString>(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn methods_and_headers_are_tokens() {
        check::<Method>("GET", Ok("GET"));
        check::<Method>("PURGE", Ok("PURGE"));
        check::<Method>("get", Err("methods are written in capitals: `GET`"));
        check::<Method>("GE T", Err("` ` is not allowed"));
        check::<HeaderName>("X-Request-Id", Ok("x-request-id"));
        check::<HeaderName>("x y", Err("` ` is not allowed"));
        check::<HeaderName>("", Err("it is empty"));
        check::<HeaderValue>("no-store", Ok("no-store"));
        check::<HeaderValue>("a\r\nb: c", Err("`\\r` is not allowed"));
        check::<HeaderValue>(" a", Err("blanks at the start or the end are lost on the wire"));
    }

    #[test]
    fn origins() {
        check::<WebOrigin>("https://App.example.com", Ok("https://app.example.com"));
        check::<WebOrigin>("https://a.example:443", Ok("https://a.example"));
        check::<WebOrigin>("http://localhost:3000", Ok("http://localhost:3000"));
        check::<WebOrigin>("*", Ok("*"));
        check::<WebOrigin>("app.example.com", Err("the scheme is missing, as in `https://app.example.com`"));
        check::<WebOrigin>("https://a.example/", Err("an origin has no slash; write `https://a.example`"));
        check::<WebOrigin>("https://*.example", Err("there are no wildcards in an origin but `*` alone"));
        check::<WebOrigin>("ftp://a", Err("`ftp` is neither http nor https"));
    }

    #[test]
    fn request_lines() {
        check::<RequestLine>("http://h/p", Ok("GET http://h/p"));
        check::<RequestLine>("POST  https://h", Ok("POST https://h"));
        check::<RequestLine>("GET /p", Err("the URL begins with http:// or https://"));
        check::<RequestLine>("GET http:///p", Err("the URL has no host"));
        check::<RequestLine>("GET http://h/a b", Err("the URL has blanks; write them as %20"));
    }
}
