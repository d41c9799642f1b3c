//! The path of a value in the document: `listeners.edge.address`, `routes.public[0].match.path`.

use std::{fmt, str::FromStr};

/// The path of a value in the document. Keys with other characters than letters, digits, `_` and `-` are quoted:
/// `services."go.micro.srv.greeter".endpoints[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DocumentPath {
    segments: Vec<Segment>,
}

/// One step of a [`DocumentPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into a map, by key.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// A step that borrows its key: for walks over a whole tree, most of whose paths nobody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'t> {
    Key(&'t str),
    Index(usize),
}

/// Why a text is no [`DocumentPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path such as `routes.public[0].match`")]
pub struct DocumentPathError(String);

impl DocumentPath {
    /// Returns the path of the document itself.
    pub const fn root() -> Self {
        Self { segments: Vec::new() }
    }

    /// Adds a step into a map.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.segments.push(Segment::Key(key.into()));
        self
    }

    /// Adds a step into a list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.segments.push(Segment::Index(index));
        self
    }

    /// Returns the steps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the path of what holds this value; the document itself has none.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.segments.split_last()?;
        Some(Self { segments: rest.to_vec() })
    }

    /// Returns whether this is the path of the document itself.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }
}

impl From<Vec<Segment>> for DocumentPath {
    fn from(segments: Vec<Segment>) -> Self {
        Self { segments }
    }
}

impl From<&[Step<'_>]> for DocumentPath {
    fn from(steps: &[Step<'_>]) -> Self {
        let segment = |step: &Step<'_>| match step {
            Step::Key(key) => Segment::Key((*key).to_owned()),
            Step::Index(index) => Segment::Index(*index),
        };
        Self { segments: steps.iter().map(segment).collect() }
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(out, "[{index}]")?,
                Segment::Key(key) => {
                    if at > 0 {
                        out.write_str(".")?;
                    }
                    if !key.is_empty() && key.chars().all(is_bare) {
                        out.write_str(key)?;
                    } else {
                        write!(out, "\"{}\"", key.escape_debug())?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

impl FromStr for DocumentPath {
    type Err = DocumentPathError;

    fn from_str(text: &str) -> Result<Self, DocumentPathError> {
        parse(text).ok_or_else(|| DocumentPathError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<DocumentPath> {
    let mut path = DocumentPath::root();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            path = path.index(index.parse().ok()?);
            rest = after;
            continue;
        }
        if !path.is_root() {
            rest = rest.strip_prefix('.')?;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let (key, after) = quoted.split_once('"')?;
            path = path.key(key);
            rest = after;
        } else {
            let end = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if key.is_empty() {
                return None;
            }
            path = path.key(key);
            rest = after;
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        assert_eq!(text.parse::<DocumentPath>().unwrap().to_string(), text);
    }

    #[test]
    fn paths_are_written_as_they_are_read() {
        check("");
        check("listeners.edge.address");
        check("routes.public[0].match.path");
        check("services.\"go.micro.srv.greeter\".endpoints[12]");
        for bad in [".", "a..b", "a[", "a[x]", "a b", "a.\"b"] {
            assert!(bad.parse::<DocumentPath>().is_err(), "{bad}");
        }
    }
}
