//! The path of a request as patterns read it: decoded components, counted, with the `:verb` cut off where asked.

use gateway_exchange::Target;

/// A view of a target's components. Copies nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'t> {
    target: &'t Target,
    count: usize,
    /// The last component without its verb.
    last: Option<&'t str>,
}

impl<'t> Path<'t> {
    /// Takes the whole path. The target `*` of `OPTIONS` has no component: only `/**` matches it.
    pub(crate) fn whole(target: &'t Target) -> Self {
        let count = if target.path().starts_with('/') { target.segment_count() } else { 0 };
        Self { target, count, last: None }
    }

    /// Cuts the verb off: what follows the last colon of the last component. An escaped colon is data and cuts nothing.
    pub(crate) fn split_verb(target: &'t Target) -> Option<(Self, &'t str)> {
        let whole = Self::whole(target);
        let decoded = whole.get(whole.count.checked_sub(1)?)?;
        let (_, after) = target.raw_segments().next_back()?.rsplit_once(':')?;
        let escaped = after.match_indices('%').filter(|(at, _)| is_escaped_colon(after, *at)).count();
        let (at, _) = decoded.rmatch_indices(':').nth(escaped)?;
        let (last, verb) = (decoded.get(..at)?, decoded.get(at + 1..)?);
        Some((Self { last: Some(last), ..whole }, verb))
    }

    /// Returns the path as a pattern with or without a verb reads it; nothing when the verb differs.
    pub(crate) fn for_verb(target: &'t Target, verb: Option<&str>) -> Option<Self> {
        match verb {
            None => Some(Self::whole(target)),
            Some(verb) => Self::split_verb(target).filter(|(_, own)| *own == verb).map(|(path, _)| path),
        }
    }

    /// Returns the number of components: `/` has one, empty.
    pub(crate) fn len(self) -> usize {
        self.count
    }

    /// Returns the decoded component at an index.
    pub(crate) fn get(self, index: usize) -> Option<&'t str> {
        match self.last {
            Some(last) if index + 1 == self.count => Some(last),
            _ => self.target.segment(index).filter(|_| index < self.count),
        }
    }
}

fn is_escaped_colon(text: &str, at: usize) -> bool {
    text.get(at..at + 3).is_some_and(|escape| escape.eq_ignore_ascii_case("%3a"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_is_cut_at_the_last_raw_colon() {
        let check = |path: &str, expected: Option<(&str, &str)>| {
            let target = Target::parse(path).unwrap();
            let split = Path::split_verb(&target);
            let split = split.map(|(path, verb)| (path.get(path.len() - 1).unwrap(), verb));
            assert_eq!(split, expected, "{path}");
        };
        check("/a/5:cancel", Some(("5", "cancel")));
        check("/a/5:x:cancel", Some(("5:x", "cancel")));
        check("/a/5%3Ax:cancel", Some(("5:x", "cancel")));
        check("/a/5:can%3acel", Some(("5", "can:cel")));
        check("/a/5%3Acancel", None);
        check("/a:b/c", None);
        check("/a/:cancel", Some(("", "cancel")));
        check("/a/5:", Some(("5", "")));
        check("/%E4%BD%A0:x", Some(("你", "x")));
        check("/%ff%3a:x", Some(("\u{fffd}:", "x")));
        check("*", None);
    }
}
