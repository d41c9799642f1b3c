//! Which of two path patterns that match the same path is taken.

use std::cmp::Reverse;

use super::{PathPattern, Step};

/// The rank of a pattern; the smaller is tried first (design 12).
///
/// Design 12 says "literal segments, fewer variables, `**` last". Two patterns without `**` that match the same path
/// and have the same number of literals have the same number of variables. Among those with `**` it is the one with
/// *more* fixed segments that is narrower: by the letter, `/a/{x}/**` beside `/a/**` could never be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Specificity {
    literals: Reverse<usize>,
    verb: Reverse<bool>,
    rest: bool,
    fixed: Reverse<usize>,
    /// Literal, then one component, then any number, from the left. It decides `/a/{x}` against `/{x}/a`, and makes
    /// the order of two different patterns that match one path strict.
    shape: Box<[Kind]>,
}

/// A kind of step, the narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Literal,
    One,
    Rest,
}

impl Specificity {
    pub(crate) fn of(pattern: &PathPattern) -> Self {
        let shape: Box<[Kind]> = pattern
            .steps
            .iter()
            .map(|step| match step {
                Step::Literal(_) => Kind::Literal,
                Step::One => Kind::One,
                Step::Rest => Kind::Rest,
            })
            .collect();
        let count = |kind: Kind| shape.iter().filter(|own| **own == kind).count();
        Self {
            literals: Reverse(count(Kind::Literal)),
            verb: Reverse(pattern.verb.is_some()),
            rest: count(Kind::Rest) > 0,
            fixed: Reverse(count(Kind::Literal) + count(Kind::One)),
            shape,
        }
    }
}
