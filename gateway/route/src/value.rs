//! Conditions on the value of a header field or a query parameter.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex::{Regex, RegexBuilder};

use crate::PatternError;

/// The largest program a regular expression may compile to, in bytes: it bounds memory and the time of a match.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// A condition on one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValuePattern {
    /// The name is there, with whatever value.
    Present,
    /// The name is not there.
    Absent,
    /// The value is this text, letter case included.
    Exact(Box<str>),
    /// An expression matches; see [`ValuePattern::regex`].
    Regex(ValueRegex),
}

/// A regular expression that is compared by its source, so that two snapshots can be compared (design 11.4).
#[derive(Clone)]
pub struct ValueRegex {
    source: Box<str>,
    compiled: Regex,
}

impl ValuePattern {
    /// Makes a condition of exact text.
    pub fn exact(text: &str) -> Self {
        Self::Exact(text.into())
    }

    /// Compiles a regular expression (the syntax of the `regex` crate, no back-references). It may match anywhere in the
    /// value unless it has anchors.
    ///
    /// # Errors
    /// Refuses a syntax error and an expression whose program passes 1 MiB.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        let compiled = RegexBuilder::new(source).size_limit(REGEX_BYTES_MAX).build();
        let compiled = compiled.map_err(|error| regex_error(source, &error))?;
        Ok(Self::Regex(ValueRegex { source: source.into(), compiled }))
    }

    /// Returns whether the values of one name meet the condition. Bytes that are no UTF-8 match no expression.
    pub fn matches<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>) -> bool {
        match self {
            Self::Absent => values.next().is_none(),
            _ => values.any(|value| self.matches_value(value)),
        }
    }

    fn matches_value(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Exact(text) => text.as_bytes() == value,
            Self::Regex(regex) => std::str::from_utf8(value).is_ok_and(|text| regex.compiled.is_match(text)),
        }
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Absent => f.write_str("absent"),
            Self::Exact(text) => write!(f, "= {text:?}"),
            Self::Regex(regex) => write!(f, "~ {:?}", regex.source),
        }
    }
}

impl PartialEq for ValueRegex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for ValueRegex {}

impl Hash for ValueRegex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

impl fmt::Debug for ValueRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueRegex").field(&self.source).finish()
    }
}

/// The crate draws its syntax errors over several lines; the last one says what is wrong.
fn regex_error(source: &str, error: &regex::Error) -> PatternError {
    let message = match error {
        regex::Error::CompiledTooBig(limit) => format!("the regular expression needs more than {limit} bytes"),
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("the regular expression {source:?} is not valid: {reason}")
        }
    };
    PatternError::new(0, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_must_match() {
        let check = |pattern: &ValuePattern, values: &[&[u8]], expected: bool| {
            assert_eq!(pattern.matches(values.iter().copied()), expected, "{pattern} {values:?}");
        };
        check(&ValuePattern::Present, &[b"\xff"], true);
        check(&ValuePattern::Present, &[], false);
        check(&ValuePattern::Absent, &[], true);
        check(&ValuePattern::Absent, &[b""], false);
        check(&ValuePattern::exact("a"), &[b"a"], true);
        check(&ValuePattern::exact("a"), &[b"b", b"a"], true);
        check(&ValuePattern::exact("a"), &[b"A"], false);
        let version = ValuePattern::regex("^v[12]$|beta").unwrap();
        check(&version, &[b"v1"], true);
        check(&version, &[b"x-beta-2"], true);
        check(&version, &[b"v10"], false);
        check(&version, &[b"v3", b"v2"], true);
        check(&version, &[b"beta\xff"], false);
    }

    #[test]
    fn bad_expressions_are_refused() {
        let check = |source: &str, message: &str| {
            let error = ValuePattern::regex(source).unwrap_err();
            assert!(error.message.contains(message), "{source}: {error}");
        };
        check("a(", "unclosed group");
        check("a)(b", "unopened group");
        check(r"(a)\1", "backreference");
        check("(?:a{1000}){1000}", "more than 1048576 bytes");
    }

    #[test]
    fn expressions_are_equal_by_source() {
        assert_eq!(ValuePattern::regex("a+").unwrap(), ValuePattern::regex("a+").unwrap());
        assert_ne!(ValuePattern::regex("a+").unwrap(), ValuePattern::regex("aa*").unwrap());
    }
}
