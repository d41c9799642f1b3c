//! The host of a match: `api.example.com`, `*.example.com`, `*`.

use std::{fmt, str::FromStr};

use super::{ParseError, address::host_name, text_value};

/// A host to match, without port and in lower case: exact, with a leading `*.`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// Any host, also none: `*`.
    Any,
    /// Exactly this host name or literal address (IPv6 without brackets).
    Exact(String),
    /// One label or more in front of this suffix: `*.example.com` holds `example.com`.
    Wildcard(String),
}

text_value!(HostPattern, BadHost, "a host", "`api.example.com` or `*.example.com`", "^[^/\\s]+$");

impl FromStr for HostPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.contains('/') {
            return Err(ParseError::new("a path stands in `path`, and there is no scheme"));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<std::net::Ipv6Addr>() {
            return Ok(Self::Exact(ip.to_string()));
        }
        if text.contains(':') {
            return Err(ParseError::new("a match has no port; the listener decides it"));
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return Ok(Self::Wildcard(host_name(suffix)?));
        }
        if text.contains('*') {
            return Err(ParseError::new("`*` stands for whole labels at the start, as in `*.example.com`"));
        }
        Ok(Self::Exact(host_name(text)?))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(host) => out.write_str(host),
            Self::Wildcard(suffix) => write!(out, "*.{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<HostPattern>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn hosts() {
        check("API.example.com", Ok("api.example.com"));
        check("*.example.com", Ok("*.example.com"));
        check("*", Ok("*"));
        check("[::1]", Ok("::1"));
        check("127.0.0.1", Ok("127.0.0.1"));
        check("a.*.com", Err("`*` stands for whole labels at the start, as in `*.example.com`"));
        check("example.com:443", Err("a match has no port; the listener decides it"));
        check("https://example.com", Err("a path stands in `path`, and there is no scheme"));
        check("", Err("the host is missing"));
        check("exa mple.com", Err("` ` is not allowed in a host name"));
    }
}
