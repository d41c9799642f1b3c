//! Where a redirect leads: a URL or a path, with pieces of the request in it.

use std::{fmt, str::FromStr};

use super::{ParseError, text_value};

/// The `Location` of a redirect: an absolute `http(s)` URL or an absolute path, in which `{host}`, `{path}` and
/// `{query}` stand for those of the request. `https://{host}{path}{query}` is the way from http to https.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RedirectTarget {
    pieces: Vec<RedirectPiece>,
}

/// One piece of a [`RedirectTarget`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RedirectPiece {
    /// Text as written.
    Text(String),
    /// The host of the request, without port.
    Host,
    /// The path of the request as sent, escapes untouched.
    Path,
    /// The query of the request with its `?`; nothing where there is none.
    Query,
}

text_value!(
    RedirectTarget,
    BadRedirect,
    "a redirect target",
    "`https://{host}{path}{query}` or `/new`",
    "^(https?://|/|\\{path\\}).*$"
);

impl RedirectTarget {
    /// Returns the pieces, in order.
    pub fn pieces(&self) -> &[RedirectPiece] {
        &self.pieces
    }
}

impl FromStr for RedirectTarget {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let absolute = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match absolute {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '?', '#']) => {
                return Err(ParseError::new("the URL has no host"));
            }
            None if text.starts_with("//") => {
                return Err(ParseError::new("`//` would lead to another host; begin with one slash or with https://"));
            }
            None if !text.starts_with('/') && !text.starts_with("{path}") => {
                return Err(ParseError::new("it begins with neither https://, http:// nor `/`"));
            }
            _ => {}
        }
        if let Some(bad) = text.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(ParseError::new(format!("`{}` is not allowed in a URL", bad.escape_debug())));
        }
        Ok(Self { pieces: split_pieces(text)? })
    }
}

fn split_pieces(text: &str) -> Result<Vec<RedirectPiece>, ParseError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(RedirectPiece::Text(before.to_owned()));
        }
        let Some((name, after)) = after.split_once('}') else {
            return Err(ParseError::new("`{` has no `}`"));
        };
        pieces.push(match name {
            "host" => RedirectPiece::Host,
            "path" => RedirectPiece::Path,
            "query" => RedirectPiece::Query,
            other => {
                return Err(ParseError::new(format!(
                    "there is no {{{other}}}; there are {{host}}, {{path}} and {{query}}"
                )));
            }
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(RedirectPiece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

impl fmt::Display for RedirectTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| {
            out.write_str(match piece {
                RedirectPiece::Text(text) => text,
                RedirectPiece::Host => "{host}",
                RedirectPiece::Path => "{path}",
                RedirectPiece::Query => "{query}",
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let parsed = text.parse::<RedirectTarget>();
        if let Ok(target) = &parsed {
            assert_eq!(target.to_string(), text);
        }
        assert_eq!(parsed.map(drop).map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn targets_are_absolute_and_know_three_pieces() {
        check("https://{host}{path}{query}", Ok(()));
        check("/new?from=old", Ok(()));
        check("https://", Err("the URL has no host"));
        check("//evil.example", Err("`//` would lead to another host; begin with one slash or with https://"));
        check("new", Err("it begins with neither https://, http:// nor `/`"));
        check("/{id}", Err("there is no {id}; there are {host}, {path} and {query}"));
        check("/{path", Err("`{` has no `}`"));
        check("/a b", Err("` ` is not allowed in a URL"));
    }
}
