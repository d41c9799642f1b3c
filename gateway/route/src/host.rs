//! The host a route is for: one name, all names below one, or any.

use std::fmt;

use crate::PatternError;

/// A condition on the host of a request, compared with its canonical name (lower case, no port, no final dot).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name and no other.
    Exact(Box<str>),
    /// Every name with at least one label in front of this one; written `*.example.com`.
    Below(Box<str>),
    /// Any host, also none; written `*`.
    Any,
}

impl HostPattern {
    /// Parses `api.example.com`, `*.example.com`, an IP address, `[::1]` or `*`. Letter case is ignored.
    ///
    /// # Errors
    /// Refuses an empty name or label, a port, and a `*` anywhere but alone or as the whole first label.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (name, offset) = match text.strip_prefix("*.") {
            Some(name) => (name, 2),
            None => (text, 0),
        };
        let name = canonical(name, offset)?;
        Ok(if offset == 0 { Self::Exact(name) } else { Self::Below(name) })
    }

    /// Returns whether a canonical host name matches.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(own) => **own == *name,
            Self::Below(own) => name
                .strip_suffix(&**own)
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty()),
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

fn canonical(name: &str, offset: usize) -> Result<Box<str>, PatternError> {
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let parsed = address.parse::<std::net::Ipv6Addr>();
        return match parsed {
            Ok(_) if offset == 0 => Ok(address.to_ascii_lowercase().into()),
            _ => Err(PatternError::new(offset, "expected an IPv6 address between the brackets")),
        };
    }
    let plain = name.strip_suffix('.').unwrap_or(name);
    if plain.is_empty() {
        return Err(PatternError::new(offset, "a host name is missing"));
    }
    let mut at = offset;
    for label in plain.split('.') {
        check_label(label, at)?;
        at += label.len() + 1;
    }
    Ok(plain.to_ascii_lowercase().into())
}

fn check_label(label: &str, offset: usize) -> Result<(), PatternError> {
    if label.is_empty() {
        return Err(PatternError::new(offset, "a label of the host name is empty"));
    }
    let bad = label.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && !"-_~%".contains(*c));
    let Some((at, bad)) = bad else { return Ok(()) };
    let message = match bad {
        '*' => "a wildcard is the whole first label, as in *.example.com".to_owned(),
        ':' => "a host pattern has no port; the listener's address decides it (an IPv6 address goes in brackets)"
            .to_owned(),
        c if c.is_ascii() => format!("{c:?} cannot stand in a host name"),
        c => format!("{c:?} cannot stand in a host name; write the xn-- form"),
    };
    Err(PatternError::new(offset + at, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        let check = |pattern: &str, host: &str, expected: bool| {
            assert_eq!(HostPattern::parse(pattern).unwrap().matches(host), expected, "{pattern} {host}");
        };
        check("API.example.com.", "api.example.com", true);
        check("api.example.com", "www.example.com", false);
        check("*.example.com", "a.example.com", true);
        check("*.example.com", "a.b.example.com", true);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", false);
        check("*.example.com", "evilexample.com", false);
        check("*", "anything", true);
        check("*", "", true);
        check("[::1]", "::1", true);
        check("127.0.0.1", "127.0.0.1", true);
        check("localhost", "localhost", true);
    }

    #[test]
    fn bad_patterns_say_where() {
        let check = |pattern: &str, offset: usize, message: &str| {
            let error = HostPattern::parse(pattern).unwrap_err();
            assert!(error.offset == offset && error.message.contains(message), "{pattern}: {error:?}");
        };
        check("", 0, "missing");
        check("*.", 2, "missing");
        check("a..b", 2, "empty");
        check("a.*.b", 2, "whole first label");
        check("a*.b", 1, "whole first label");
        check("*.*.b", 2, "whole first label");
        check("a:80", 1, "no port");
        check("a b", 1, "cannot stand");
        check("münchen.de", 1, "xn--");
        check("[::g]", 0, "IPv6");
    }

    #[test]
    fn patterns_print_as_written() {
        for text in ["a.example.com", "*.example.com", "*"] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), text);
        }
    }
}
