//! The fixed order of the policies (design 5), and how those of several levels are merged.
//!
//! Both lists are what runs *and* what `explain` and the reference print, so they cannot disagree.

use std::fmt;

/// A kind of policy, by the name of its key in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// One deadline over all tries.
    Timeout,
    /// Bounds on the request.
    Limits,
    /// Which web pages of other origins may call.
    Cors,
    /// Headers that are removed, set and added.
    Headers,
    /// Further tries after one that failed.
    Retry,
}

/// How the policies of listener, route and service become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merging {
    /// A guard: all of them hold, the smallest bound wins.
    Guard,
    /// A shaper: the innermost one replaces the others whole.
    Shaper,
}

/// The order on the way in. The deadline comes first, so that it covers all that follows; what is too large is refused
/// before a preflight is answered; a preflight is answered before headers are changed for an upstream that never sees
/// it; headers are changed once, not for each try.
pub const REQUEST_ORDER: &[PolicyKind] =
    &[PolicyKind::Timeout, PolicyKind::Limits, PolicyKind::Cors, PolicyKind::Headers, PolicyKind::Retry];

/// The order on the way back. CORS comes last: its headers hold whatever the upstream or `headers` said.
pub const RESPONSE_ORDER: &[PolicyKind] = &[PolicyKind::Headers, PolicyKind::Cors];

impl PolicyKind {
    /// Returns the key in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Limits => "limits",
            Self::Cors => "cors",
            Self::Headers => "headers",
            Self::Retry => "retry",
        }
    }

    /// Returns how several of this kind become one.
    pub const fn merging(self) -> Merging {
        match self {
            Self::Timeout | Self::Limits => Merging::Guard,
            Self::Cors | Self::Headers | Self::Retry => Merging::Shaper,
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
