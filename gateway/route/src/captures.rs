//! What the variables of a path pattern captured.

use std::borrow::Cow;

use gateway_exchange::Target;

use crate::PathPattern;
use crate::path::Path;

/// The variables of the pattern that matched. Holds no text: where a variable lies follows from the pattern and the
/// number of components, so a match allocates nothing and the head stays free to be edited.
#[derive(Clone, Copy, Debug)]
pub struct Captures<'r> {
    pattern: Option<&'r PathPattern>,
}

impl<'r> Captures<'r> {
    pub(crate) fn of(pattern: Option<&'r PathPattern>) -> Self {
        Self { pattern }
    }

    /// Returns whether the pattern has no variable.
    pub fn is_empty(&self) -> bool {
        self.pattern.is_none_or(|pattern| pattern.variables.is_empty())
    }

    /// Returns the decoded text of a variable in the target that was matched; nothing when there is no such variable
    /// or it captured nothing (spec/gateway 5.5).
    pub fn get<'t>(&self, name: &str, target: &'t Target) -> Option<Cow<'t, str>> {
        self.iter(target).find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Returns field paths (`id`, `a.b`) and decoded texts in the order of the pattern, without those that captured
    /// nothing. Components of one variable are joined by `/`.
    pub fn iter<'t>(&self, target: &'t Target) -> impl Iterator<Item = (&'r str, Cow<'t, str>)> {
        let path = self.pattern.and_then(|pattern| Path::for_verb(target, pattern.verb.as_deref()));
        self.pattern.into_iter().zip(path).flat_map(|(pattern, path)| {
            pattern.variables.iter().filter_map(move |variable| {
                let from = pattern.component(variable.from, path.len());
                let to = pattern.component(variable.to, path.len());
                let text = join(path, from, to);
                (!text.is_empty()).then_some((&*variable.name, text))
            })
        })
    }
}

fn join(path: Path<'_>, from: usize, to: usize) -> Cow<'_, str> {
    let mut pieces = (from..to).filter_map(|index| path.get(index));
    let first = pieces.next().unwrap_or_default();
    pieces.fold(Cow::Borrowed(first), |joined, piece| Cow::Owned(format!("{joined}/{piece}")))
}
