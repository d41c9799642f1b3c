//! Path patterns: exact paths and the templates of spec/gateway 5.5.
//!
//! | pattern | matches |
//! |---|---|
//! | `/a/b` | that path; `/a/b/` is another one |
//! | `/a/*`, `/a/{id}` | one component, not empty |
//! | `/a/**`, `/a/{rest=**}` | `/a`, `/a/` and all below; fixed segments may follow |
//! | `/v1/{name=shelves/*}` | captures the joined text `shelves/9` |
//! | `/u/{user.id}` | captures into a field path |
//! | `/v1/{id}:cancel` | the verb after the last colon of the last component |
//!
//! Letter case counts. Literals are compared percent-decoded, so `/a%20b` is the path `/a b`.

mod parse;
mod specificity;

use std::fmt;

use gateway_exchange::Target;

use crate::path::Path;
use crate::{Captures, PatternError};

pub(crate) use specificity::Specificity;

/// A condition on the path of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    source: Box<str>,
    pub(crate) steps: Box<[Step]>,
    /// Where `**` stands among the steps.
    rest: Option<usize>,
    pub(crate) verb: Option<Box<str>>,
    pub(crate) variables: Box<[Variable]>,
}

/// What a pattern asks of one component, or of several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// This text, decoded.
    Literal(Box<str>),
    /// One component, not empty.
    One,
    /// Any number of components; at most once in a pattern.
    Rest,
}

/// A variable, the steps `from..to` it captures, and its field path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variable {
    pub(crate) name: Box<str>,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl PathPattern {
    /// Parses a path or template. Stricter than v2 where spec/gateway 9.1 says so (D16, D17), wider in that `/`,
    /// `/a/` and text beyond ASCII are accepted.
    ///
    /// # Errors
    /// Says what is wrong at which byte: no leading slash, an empty or dot segment, a query, an unbalanced brace, a
    /// malformed or repeated variable, a second `**`, a broken escape, more than 128 segments or 4 KiB.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parse::parse(text)
    }

    /// The pattern of a rule that names no path.
    pub(crate) fn any() -> Self {
        let (steps, variables) = (Box::new([Step::Rest]), Box::default());
        Self { source: "/**".into(), steps, rest: Some(0), verb: None, variables }
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns the field paths of the variables, in order.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = &str> {
        self.variables.iter().map(|variable| &*variable.name)
    }

    /// Returns whether a target's cleaned path matches.
    pub fn matches(&self, target: &Target) -> bool {
        Path::for_verb(target, self.verb.as_deref()).is_some_and(|path| self.matches_path(path))
    }

    /// Returns what the variables captured in a target that matches.
    pub fn captures(&self) -> Captures<'_> {
        Captures::of(Some(self))
    }

    /// Returns the component at which a step begins in a path of `count` components; `steps.len()` is its end.
    pub(crate) fn component(&self, step: usize, count: usize) -> usize {
        match self.rest {
            Some(rest) if step > rest => (count + step).saturating_sub(self.steps.len()),
            _ => step.min(count),
        }
    }

    fn matches_path(&self, path: Path<'_>) -> bool {
        let fixed = self.steps.len() - usize::from(self.rest.is_some());
        if path.len() < fixed || (self.rest.is_none() && path.len() > fixed) {
            return false;
        }
        self.steps.iter().enumerate().all(|(index, step)| {
            let component = path.get(self.component(index, path.len()));
            match step {
                Step::Literal(text) => component == Some(&**text),
                Step::One => component.is_some_and(|component| !component.is_empty()),
                Step::Rest => true,
            }
        })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests;
