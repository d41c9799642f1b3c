//! A path as written in a document: absolute, without query.

use std::{fmt, str::FromStr};

use super::{ParseError, text_value};

/// An absolute path as written: a prefix to strip, or the template of a match.
///
/// Only what any path needs is checked here: the leading `/`, no blanks, no query. The grammar of templates
/// (spec/gateway 5.5) is checked where they are compiled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathText(String);

text_value!(PathText, BadPath, "a path", "`/greeter/**`", "^/[^?#\\s]*$");

impl PathText {
    /// Returns the path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::new("it is empty"));
        }
        if !text.starts_with('/') {
            return Err(ParseError::new(if text.contains("://") {
                "it is a URL; host and path are matched apart".to_owned()
            } else {
                format!("it begins with `/`, as in `/{text}`")
            }));
        }
        match text.chars().find(|c| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            Some('?') => Err(ParseError::new("the query is matched by `query`, not in the path")),
            Some('#') => Err(ParseError::new("a fragment never reaches a server")),
            Some(other) => Err(ParseError::new(format!("`{}` is not allowed", other.escape_debug()))),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for PathText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        assert_eq!(
            text.parse::<PathText>().map(drop).map_err(|e| e.to_string()),
            expected.map_err(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn paths_are_absolute() {
        check("/greet/{name}", Ok(()));
        check("/", Ok(()));
        check("", Err("it is empty"));
        check("greet", Err("it begins with `/`, as in `/greet`"));
        check("https://a/b", Err("it is a URL; host and path are matched apart"));
        check("/a?b=c", Err("the query is matched by `query`, not in the path"));
        check("/a b", Err("` ` is not allowed"));
    }
}
