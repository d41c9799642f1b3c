//! A filter over field names: says "not there" without hashing the name.
//!
//! A proxy asks for many fields that few messages have. A look-up in a `HeaderMap` hashes the name whether it is there
//! or not; this filter is made once per message and answers most of those questions with a shift.

use http::header::{HeaderMap, HeaderName};

/// Which names may stand in a header map. Never wrong when it says no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    /// Looks at the names of a map, once.
    pub fn of(headers: &HeaderMap) -> Self {
        Self(headers.keys().fold(0, |names, name| names | bit(name)))
    }

    /// Returns whether the map may hold a name.
    pub fn may_hold(self, name: &HeaderName) -> bool {
        self.0 & bit(name) != 0
    }

    /// Notes a name that was added.
    pub fn add(&mut self, name: &HeaderName) {
        self.0 |= bit(name);
    }
}

/// One of 64 bits by length, first and last letter: names that proxies ask for differ in these.
fn bit(name: &HeaderName) -> u64 {
    let bytes = name.as_str().as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    let mixed = bytes.len().wrapping_mul(7) ^ usize::from(first) ^ usize::from(last).wrapping_mul(5);
    1 << (mixed % 64)
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, CONNECTION, EXPECT, HOST, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT};

    use super::*;

    #[test]
    fn what_is_there_is_never_denied_and_what_is_not_seldom_claimed() {
        let mut headers = HeaderMap::new();
        for name in [HOST, ACCEPT, USER_AGENT] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let mut names = Names::of(&headers);
        assert!(headers.keys().all(|name| names.may_hold(name)));
        let asked = [CONNECTION, EXPECT, TE, TRANSFER_ENCODING, UPGRADE];
        assert!(asked.iter().all(|name| !names.may_hold(name)), "a plain request passes without a look-up");
        names.add(&TE);
        assert!(names.may_hold(&TE));
    }
}
