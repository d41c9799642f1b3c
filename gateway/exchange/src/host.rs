//! The host a request is for, made canonical once.

use http::header::HeaderValue;

use crate::{Cause, ProxyError};

/// Host and port of a request: the name in lower case, without port, brackets and final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    sent: HeaderValue,
    /// Where the name stands in what was sent, unless it had to be written anew.
    place: (u16, u16),
    lowered: Option<Box<str>>,
    port: Option<u16>,
}

impl Host {
    /// Takes the value of `Host`, `:authority` or an absolute target (RFC 3986 §3.2.2, RFC 9110 §7.2).
    ///
    /// # Errors
    /// Refuses user information, white space, empty labels, and a port that is no number.
    pub fn new(sent: HeaderValue) -> Result<Self, ProxyError> {
        let bad = || ProxyError::new(Cause::BadRequest, "malformed host");
        let text = sent.to_str().map_err(|_| bad())?;
        let (name, port) = split_port(text).ok_or_else(bad)?;
        if !name.bytes().all(|byte| HOST_BYTES[usize::from(byte)]) || has_empty_label(name) {
            return Err(bad());
        }
        let port = match port {
            None | Some("") => None,
            Some(digits) => Some(digits.parse().map_err(|_| bad())?),
        };
        let canonical = name.strip_suffix('.').unwrap_or(name);
        let lowered =
            canonical.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| canonical.to_ascii_lowercase().into());
        let start = usize::from(text.starts_with('['));
        let index = |at: usize| u16::try_from(at).map_err(|_| bad());
        let place = (index(start)?, index(start + canonical.len())?);
        Ok(Self { sent, place, lowered, port })
    }

    /// Parses a host from text.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let value = HeaderValue::from_str(text).map_err(|_| ProxyError::new(Cause::BadRequest, "malformed host"))?;
        Self::new(value)
    }

    /// Returns the host as it was sent, port included.
    pub fn sent(&self) -> &str {
        self.sent.to_str().unwrap_or_default()
    }

    /// Returns the host as it was sent, as a field value.
    pub fn value(&self) -> &HeaderValue {
        &self.sent
    }

    /// Returns the canonical name; empty when HTTP/1.0 sent none.
    pub fn name(&self) -> &str {
        let (start, end) = self.place;
        self.lowered.as_deref().unwrap_or_else(|| self.sent().get(start.into()..end.into()).unwrap_or_default())
    }

    /// Returns the port if one was sent.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl Default for Host {
    /// No host, as HTTP/1.0 allows.
    fn default() -> Self {
        Self { sent: HeaderValue::from_static(""), place: (0, 0), lowered: None, port: None }
    }
}

/// Splits `name:port` and `[v6]:port`; the name comes without brackets.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (name, rest) = rest.split_once(']')?;
        name.parse::<std::net::Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((name, Some(port))),
            None => rest.is_empty().then_some((name, None)),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((name, port)) => Some((name, Some(port))),
        None => Some((text, None)),
    }
}

/// What may stand in a host (RFC 3986 §3.2.2), the colons of an IPv6 address included.
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 256")]
        let letter = (byte as u8).is_ascii_alphanumeric();
        table[byte] = letter;
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=%:";
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
};

fn has_empty_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first() == Some(&b'.') || bytes.windows(2).any(|pair| pair == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_canonical() {
        let check = |sent: &str, expected: Option<(&str, Option<u16>)>| {
            let host = Host::parse(sent).ok();
            assert_eq!(host.as_ref().map(|host| (host.name(), host.port())), expected, "{sent}");
            assert!(host.is_none_or(|host| host.sent() == sent));
        };
        check("Example.COM:8080", Some(("example.com", Some(8080))));
        check("example.com.", Some(("example.com", None)));
        check("example.com:", Some(("example.com", None)));
        check("[::1]:80", Some(("::1", Some(80))));
        check("[::1]", Some(("::1", None)));
        check("[2001:DB8::1]", Some(("2001:db8::1", None)));
        check("", Some(("", None)));
        check("a b", None);
        check("user@host", None);
        check("host:99999", None);
        check("host:1:2", None);
        check("[::1", None);
        check("[x]:1", None);
        check("a/b", None);
        check("..a", None);
        check("a..b", None);
    }
}
