//! A regular expression of a match.

use std::{fmt, str::FromStr};

use super::{ParseError, text_value};

/// A regular expression in the syntax of the `regex` crate: linear time, no look-around, no back-references.
///
/// Held as its source, so that it stays `Eq` and `Hash`; it was compiled once to prove it, within
/// [`Pattern::COMPILED_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

text_value!(Pattern, BadRegex, "a regular expression", "", "");

impl Pattern {
    /// How large the compiled program may be: 1 MiB. Larger ones are nearly always counted repetitions by mistake.
    pub const COMPILED_BYTES_MAX: usize = 1 << 20;

    /// Returns the source.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compiles the expression; it matches anywhere unless the source has anchors.
    pub fn compile(&self) -> regex::Regex {
        build(&self.0).expect("compiled once when it was read")
    }
}

fn build(source: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(source).size_limit(Pattern::COMPILED_BYTES_MAX).build()
}

impl FromStr for Pattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match build(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(regex::Error::CompiledTooBig(_)) => Err(ParseError::new("it is larger than 1 MiB once compiled")),
            Err(error) => Err(ParseError::new(last_line(&error.to_string()))),
        }
    }
}

/// The `regex` crate reports in several lines, the last of which says what is wrong.
fn last_line(report: &str) -> &str {
    let line = report.lines().next_back().unwrap_or(report).trim();
    line.strip_prefix("error: ").unwrap_or(line)
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<Pattern>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn patterns_are_proven_when_they_are_read() {
        check("^v[0-9]+$", Ok("^v[0-9]+$"));
        check("(", Err("unclosed group"));
        check("a{1000}{1000}", Err("it is larger than 1 MiB once compiled"));
        check("(?=x)", Err("look-around, including look-ahead and look-behind, is not supported"));
    }
}
