//! The grammar of path patterns (spec/gateway 5.5), read left to right with the byte in hand for every complaint.
//!
//! ```text
//! pattern  = 1*( "/" segment ) [ ":" verb ]     a verb follows a wildcard or a variable
//! segment  = "*" / "**" / literal / variable    the last literal may be empty
//! variable = "{" ident *( "." ident ) [ "=" segment *( "/" segment ) ] "}"
//! literal  = characters of a path (RFC 3986 §3.3), escapes, and text beyond ASCII
//! ```

use percent_encoding::percent_decode_str;

use super::{PathPattern, Step, Variable};
use crate::PatternError;

/// The longest pattern, in bytes. Paths that people write stay far below.
const PATTERN_BYTES_MAX: usize = 4096;

/// The most segments of a pattern: it bounds the depth of the index and so the recursion of a search.
const SEGMENTS_MAX: usize = 128;

pub(super) fn parse(text: &str) -> Result<PathPattern, PatternError> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::new(0, format!("the path pattern is longer than {PATTERN_BYTES_MAX} bytes")));
    }
    let mut parser = Parser { text, at: 0, steps: Vec::new(), variables: Vec::new(), rest: None };
    let verb = parser.pattern()?;
    Ok(PathPattern {
        source: text.into(),
        steps: parser.steps.into(),
        rest: parser.rest,
        verb,
        variables: parser.variables.into(),
    })
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    steps: Vec<Step>,
    variables: Vec<Variable>,
    rest: Option<usize>,
}

impl<'p> Parser<'p> {
    /// Reads the whole text; returns the verb.
    fn pattern(&mut self) -> Result<Option<Box<str>>, PatternError> {
        if !self.take('/') {
            let got = if self.text.is_empty() { "nothing" } else { self.text };
            return Err(PatternError::new(0, format!("a path pattern starts with '/', got {got}")));
        }
        loop {
            let wild = self.segment(false)?;
            match self.peek() {
                None => return Ok(None),
                Some('/') => self.at += 1,
                Some(':') if wild => return self.verb().map(Some),
                Some('}') => return Err(self.error("'}' without '{'")),
                Some(_) => return Err(self.error("a wildcard or variable fills its whole segment")),
            }
        }
    }

    /// Reads one segment; returns whether it is a wildcard or variable.
    fn segment(&mut self, in_variable: bool) -> Result<bool, PatternError> {
        if self.steps.len() >= SEGMENTS_MAX {
            return Err(self.error(format!("more than {SEGMENTS_MAX} segments")));
        }
        match self.peek() {
            Some('{') if in_variable => Err(self.error("a variable cannot stand in a variable")),
            Some('{') => self.variable().map(|()| true),
            Some('*') => self.wildcard().map(|()| true),
            _ => self.literal(in_variable).map(|()| false),
        }
    }

    fn wildcard(&mut self) -> Result<(), PatternError> {
        let start = self.at;
        while self.take('*') {}
        if !matches!(self.peek(), None | Some('/' | ':' | '}')) || self.at - start > 2 {
            return Err(stray_wildcard(start));
        }
        if self.at - start == 1 {
            self.steps.push(Step::One);
            return Ok(());
        }
        if self.rest.replace(self.steps.len()).is_some() {
            return Err(PatternError::new(start, "'**' stands at most once in a path pattern"));
        }
        self.steps.push(Step::Rest);
        Ok(())
    }

    fn variable(&mut self) -> Result<(), PatternError> {
        let open = self.at;
        self.at += 1;
        let name = self.field_path(open)?;
        if self.variables.iter().any(|variable| *variable.name == *name) {
            return Err(PatternError::new(open + 1, format!("the variable {name:?} is there already")));
        }
        let from = self.steps.len();
        if self.take('=') {
            self.segment(true)?;
            while self.take('/') {
                self.segment(true)?;
            }
        } else {
            self.steps.push(Step::One);
        }
        self.variables.push(Variable { name: name.into(), from, to: self.steps.len() });
        match self.peek() {
            Some('}') => self.at += 1,
            None => return Err(PatternError::new(open, "'{' is not closed")),
            Some(_) => return Err(self.error("expected '/' or '}' in the variable")),
        }
        Ok(())
    }

    /// Reads `ident { "." ident }`.
    fn field_path(&mut self, open: usize) -> Result<&'p str, PatternError> {
        let start = self.at;
        let mut first = true;
        while let Some(c) = self.peek() {
            match c {
                '}' | '=' if !first => break,
                '.' if !first => first = true,
                'a'..='z' | 'A'..='Z' | '_' => first = false,
                '0'..='9' if !first => {}
                '}' | '=' | '.' => return Err(self.error("a variable name is missing")),
                '0'..='9' => return Err(self.error("a variable name starts with a letter or '_'")),
                '/' => break,
                c => {
                    return Err(
                        self.error(format!("{c:?} cannot stand in a variable name (letters, digits, '_', '.')"))
                    );
                }
            }
            self.at += c.len_utf8();
        }
        match self.peek() {
            Some('}' | '=') => Ok(self.text.get(start..self.at).unwrap_or_default()),
            _ => Err(PatternError::new(open, "'{' is not closed")),
        }
    }

    fn literal(&mut self, in_variable: bool) -> Result<(), PatternError> {
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '/' | '}' => break,
                '%' => self.escape()?,
                c => {
                    check_literal(c, self.at)?;
                    self.at += c.len_utf8();
                }
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        if raw.is_empty() && (in_variable || self.peek().is_some()) {
            return Err(self.error("an empty segment never matches: paths are cleaned first"));
        }
        let text = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| PatternError::new(start, "the escapes of this segment are not UTF-8"))?;
        if text == "." || text == ".." {
            return Err(PatternError::new(
                start,
                format!("the segment {text:?} never matches: paths are cleaned first"),
            ));
        }
        self.steps.push(Step::Literal(text.into()));
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let hex = self.text.as_bytes().get(self.at + 1..self.at + 3);
        let hex = hex.filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match hex.map(<[u8]>::to_ascii_lowercase).as_deref() {
            None => return Err(self.error("'%' is followed by two hexadecimal digits")),
            Some(b"00" | b"5c") => return Err(self.error("%00 and %5c never match: such paths are refused")),
            Some(_) => self.at += 3,
        }
        Ok(())
    }

    fn verb(&mut self) -> Result<Box<str>, PatternError> {
        self.at += 1;
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '~' => self.at += 1,
                '/' => return Err(self.error("the verb after ':' ends the path pattern")),
                c => return Err(self.error(format!("{c:?} cannot stand in a verb"))),
            }
        }
        let verb = self.text.get(start..).unwrap_or_default();
        if verb.is_empty() { Err(self.error("a verb is missing after ':'")) } else { Ok(verb.into()) }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn take(&mut self, expected: char) -> bool {
        let taken = self.peek() == Some(expected);
        self.at += usize::from(taken) * expected.len_utf8();
        taken
    }

    fn error(&self, message: impl Into<String>) -> PatternError {
        PatternError::new(self.at, message)
    }
}

fn check_literal(c: char, at: usize) -> Result<(), PatternError> {
    let message = match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => return Ok(()),
        c if "-._~!$&'()+,;=:@".contains(c) => return Ok(()),
        c if !c.is_ascii() && !c.is_control() && !c.is_whitespace() => return Ok(()),
        '*' => return Err(stray_wildcard(at)),
        '{' => "a variable fills its whole segment".to_owned(),
        '?' => "a path pattern has no query; write it under `query`".to_owned(),
        ' ' => "write a space as %20".to_owned(),
        c => format!("{c:?} cannot stand in a path; write it as an escape such as %23"),
    };
    Err(PatternError::new(at, message))
}

fn stray_wildcard(at: usize) -> PatternError {
    PatternError::new(at, "a wildcard is a whole segment: /a/* for one, /a/** for all below; the character is %2A")
}
