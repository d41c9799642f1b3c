//! The target of a request: as sent, cleaned, and cut into segments, raw and decoded.
//!
//! Canonical once (design 10): doubled slashes and dot segments are resolved here, also where they are escaped
//! (`%2e`), and the escapes of everything else stay as they were sent, for the upstream to read (K140).

use std::borrow::Cow;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use crate::{Cause, ProxyError};

/// One piece of the path between slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    start: u32,
    end: u32,
    decoded: Option<Box<str>>,
}

/// Path and query of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    sent: PathAndQuery,
    clean: Option<Box<str>>,
    path_end: u32,
    query_start: Option<u32>,
    segments: SmallVec<[Segment; 6]>,
    encoded_slash: bool,
}

impl Target {
    /// Parses an origin-form target such as `/a/b?x=1` (RFC 9112 §3.2.1); `*` is kept as a path of its own.
    ///
    /// # Errors
    /// Refuses a broken escape, a target without leading slash, and the escapes `%00` and `%5c`.
    pub fn parse(sent: &str) -> Result<Self, ProxyError> {
        if !sent.starts_with('/') && sent != "*" {
            return Err(ProxyError::new(Cause::BadRequest, "the target must start with a slash"));
        }
        let sent = PathAndQuery::try_from(sent).map_err(|_| ProxyError::new(Cause::BadRequest, "malformed target"))?;
        Self::new(sent)
    }

    /// Takes a target that the HTTP engine has split off already.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn new(sent: PathAndQuery) -> Result<Self, ProxyError> {
        let text = sent.as_str();
        let path_end = text.find('?').unwrap_or(text.len());
        let path = text.get(..path_end).unwrap_or_default();
        let encoded_slash = check_escapes(path)?;
        let clean = clean(path);
        let segments = segments(clean.as_deref().unwrap_or(path));
        let index =
            |at: usize| u32::try_from(at).map_err(|_| ProxyError::new(Cause::HeadTooLarge, "the target is too long"));
        Ok(Self {
            query_start: (path_end < text.len()).then(|| index(path_end + 1)).transpose()?,
            path_end: index(path_end)?,
            clean,
            segments,
            encoded_slash,
            sent,
        })
    }

    /// Returns path and query exactly as sent.
    pub fn sent(&self) -> &str {
        self.sent.as_str()
    }

    /// Returns the cleaned path with the query, as an upstream gets it.
    ///
    /// # Errors
    /// None for a target that was parsed; the type cannot show it.
    pub fn forwarded(&self) -> Result<PathAndQuery, ProxyError> {
        self.forwarded_at(self.path())
    }

    /// Returns another path with this target's query, for a handler that strips a prefix.
    ///
    /// # Errors
    /// Fails when `path` is no path.
    pub fn forwarded_at(&self, path: &str) -> Result<PathAndQuery, ProxyError> {
        if std::ptr::eq(path, self.sent_path()) || path == self.sent_path() {
            return Ok(self.sent.clone());
        }
        let text = match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        PathAndQuery::try_from(text).map_err(|_| ProxyError::new(Cause::BadRequest, "malformed path"))
    }

    /// Returns the path as sent, uncleaned.
    pub fn sent_path(&self) -> &str {
        self.sent.as_str().get(..self.path_end as usize).unwrap_or_default()
    }

    /// Returns the cleaned path; its escapes are those that were sent. A trailing slash is kept.
    pub fn path(&self) -> &str {
        self.clean.as_deref().unwrap_or_else(|| self.sent_path())
    }

    /// Returns the query without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query_start.and_then(|start| self.sent.as_str().get(start as usize..))
    }

    /// Returns the number of segments: `/` has one, empty; `/a/` has two, the last empty.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Returns the segments as sent.
    pub fn raw_segments(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        let path = self.path();
        self.segments.iter().map(move |segment| raw(path, segment))
    }

    /// Returns the segments percent-decoded; bytes that are no UTF-8 become U+FFFD.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        let path = self.path();
        self.segments.iter().map(move |segment| segment.decoded.as_deref().unwrap_or_else(|| raw(path, segment)))
    }

    /// Returns the decoded segment at an index.
    pub fn segment(&self, index: usize) -> Option<&str> {
        let segment = self.segments.get(index)?;
        Some(segment.decoded.as_deref().unwrap_or_else(|| raw(self.path(), segment)))
    }

    /// Returns the whole path percent-decoded, as an RPC resolver reads it: `%2f` is a separator there.
    pub fn decoded_path(&self) -> Cow<'_, str> {
        percent_decode_str(self.path()).decode_utf8_lossy()
    }

    /// Returns whether the path holds `%2f`, which is refused where the path is forwarded.
    pub fn has_encoded_slash(&self) -> bool {
        self.encoded_slash
    }

    /// Returns the pairs of the query; see [`form_pairs`].
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_pairs(self.query().unwrap_or_default())
    }
}

/// Returns the pairs of a query or of a form body (`application/x-www-form-urlencoded`): split at `&` and the first
/// `=`, percent-decoded, with `+` as a space. A name without `=` has an empty value; empty parts are skipped (D57).
pub fn form_pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode_form(name), decode_form(value))
    })
}

fn raw<'t>(path: &'t str, segment: &Segment) -> &'t str {
    path.get(segment.start as usize..segment.end as usize).unwrap_or_default()
}

fn decode_form(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// Refuses broken and dangerous escapes; returns whether an escaped slash is among the rest.
fn check_escapes(path: &str) -> Result<bool, ProxyError> {
    let mut encoded_slash = false;
    let mut rest = path.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        let hex = rest.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.ok_or_else(|| ProxyError::new(Cause::BadRequest, "broken percent escape in the path"))?;
        match (hex.first(), hex.last().map(u8::to_ascii_lowercase)) {
            (Some(b'0'), Some(b'0')) => return Err(ProxyError::new(Cause::RefusedPath, "%00 in the path is refused")),
            (Some(b'5'), Some(b'c')) => return Err(ProxyError::new(Cause::RefusedPath, "%5c in the path is refused")),
            (Some(b'2'), Some(b'f')) => encoded_slash = true,
            _ => {}
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    if path.as_bytes().contains(&b'\\') {
        return Err(ProxyError::new(Cause::RefusedPath, "a backslash in the path is refused"));
    }
    Ok(encoded_slash)
}

/// Resolves doubled slashes and dot segments. Returns nothing when the path is clean as it is.
fn clean(path: &str) -> Option<Box<str>> {
    if path == "*" || !needs_cleaning(path) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    let mut directory = true;
    while let Some(piece) = pieces.next() {
        let dots = dots(piece);
        directory = pieces.peek().is_none() && (piece.is_empty() || dots > 0);
        match dots {
            1 => {}
            2 => drop(kept.pop()),
            _ if piece.is_empty() => {}
            _ => kept.push(piece),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for piece in &kept {
        clean.push('/');
        clean.push_str(piece);
    }
    if clean.is_empty() || directory {
        clean.push('/');
    }
    Some(clean.into())
}

/// Looks for a doubled slash, and for a dot or an escape right after a slash: few paths have any of them.
fn needs_cleaning(path: &str) -> bool {
    let suspicious = path.as_bytes().windows(2).any(|pair| pair[0] == b'/' && matches!(pair[1], b'/' | b'.' | b'%'));
    suspicious && (path.contains("//") || path.split('/').any(|piece| dots(piece) > 0))
}

/// Returns 1 for `.`, 2 for `..`, also where a dot is written `%2e`, else 0.
fn dots(piece: &str) -> usize {
    let mut rest = piece;
    let mut count = 0;
    while count < 3 && !rest.is_empty() {
        let Some(next) =
            rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"))
        else {
            return 0;
        };
        (rest, count) = (next, count + 1);
    }
    if rest.is_empty() && count < 3 { count } else { 0 }
}

fn segments(path: &str) -> SmallVec<[Segment; 6]> {
    let mut start = usize::from(path.starts_with('/'));
    path.split('/')
        .skip(start)
        .map(|piece| {
            let end = start + piece.len();
            let decoded = piece.contains('%').then(|| percent_decode_str(piece).decode_utf8_lossy().into());
            let (from, to) = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX));
            start = end + 1;
            Segment { start: from, end: to, decoded }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_cleaned_once() {
        let check = |sent: &str, expected: &str| {
            assert_eq!(Target::parse(sent).unwrap().path(), expected, "{sent}");
        };
        check("/", "/");
        check("/a/b", "/a/b");
        check("/a/b/", "/a/b/");
        check("//a///b", "/a/b");
        check("/a/./b", "/a/b");
        check("/a/x/../b", "/a/b");
        check("/a/%2e%2E/b", "/b");
        check("/../../etc", "/etc");
        check("/a/..", "/");
        check("/a/b/..", "/a/");
        check("/a/.", "/a/");
        check("/a/...", "/a/...");
        check("/a%20b//c", "/a%20b/c");
        check("/a?x=//..", "/a");
        check("*", "*");
    }

    #[test]
    fn dangerous_escapes_are_refused() {
        let check = |sent: &str, cause: Cause| {
            assert_eq!(Target::parse(sent).unwrap_err().cause(), cause, "{sent}");
        };
        check("/a%00", Cause::RefusedPath);
        check("/a%5Cb", Cause::RefusedPath);
        check("/a\\b", Cause::RefusedPath);
        check("/a%zz", Cause::BadRequest);
        check("/a%2", Cause::BadRequest);
        check("a", Cause::BadRequest);
        assert!(Target::parse("/a%2Fb").unwrap().has_encoded_slash());
        assert!(!Target::parse("/a?b=%2f%00").unwrap().has_encoded_slash());
    }

    #[test]
    fn segments_are_kept_raw_and_decoded() {
        let target = Target::parse("/a%20b//%E4%BD%A0/?q=1").unwrap();
        assert_eq!(target.segments().collect::<Vec<_>>(), ["a b", "你", ""]);
        assert_eq!(target.raw_segments().collect::<Vec<_>>(), ["a%20b", "%E4%BD%A0", ""]);
        assert_eq!((target.path(), target.query()), ("/a%20b/%E4%BD%A0/", Some("q=1")));
        assert_eq!(target.sent(), "/a%20b//%E4%BD%A0/?q=1");
    }

    #[test]
    fn queries_are_read_in_pairs() {
        let target = Target::parse("/?name=John+Doe&t=YWJj==&flag&&x=%41").unwrap();
        let pairs: Vec<_> = target.query_pairs().map(|(name, value)| format!("{name}|{value}")).collect();
        assert_eq!(pairs, ["name|John Doe", "t|YWJj==", "flag|", "x|A"]);
    }

    proptest! {
        #[test]
        fn a_cleaned_path_is_clean(path in "(/|/[a-z.%2eE]{0,4}){1,8}") {
            if let Ok(target) = Target::parse(&path) {
                let once = target.path().to_owned();
                prop_assert!(!needs_cleaning(&once));
                let again = Target::parse(&once).unwrap();
                prop_assert_eq!(again.path(), once.as_str());
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(path in "\\PC{0,40}") {
            if let Ok(target) = Target::parse(&path) {
                prop_assert_eq!(target.segments().len(), target.segment_count());
            }
        }
    }
}
