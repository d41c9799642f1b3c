//! Keys: `PREFIX/SERVICE/NODE`, as go-micro writes them (spec/wire 2.2).
//!
//! A slash inside a name becomes `-`, so services `a/b` and `a-b` share a folder: what a record says of itself
//! decides. Other than Go nothing is normalised, so `..` is a name like any other and leads nowhere.

use std::borrow::Cow;

/// The folder of all services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

/// Where one node is stored: the segments of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'k> {
    pub(super) service: &'k str,
    pub(super) node: &'k str,
}

/// Keys from the first to the end, exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: Vec<u8>,
    pub(super) end: Vec<u8>,
}

impl Prefix {
    /// Makes a folder of a text, which may end in a slash.
    pub(super) fn new(text: &str) -> Prefix {
        Prefix(format!("{}/", text.trim_end_matches('/')))
    }

    /// Returns the key of a node.
    pub(super) fn node(&self, service: &str, node: &str) -> Vec<u8> {
        format!("{}{}/{}", self.0, segment(service), segment(node)).into_bytes()
    }

    /// Returns all keys of a service.
    pub(super) fn service(&self, name: &str) -> Range {
        Range::below(&format!("{}{}/", self.0, segment(name)))
    }

    /// Returns all keys.
    pub(super) fn all(&self) -> Range {
        Range::below(&self.0)
    }

    /// Returns what a key says, unless it is none of a node.
    pub(super) fn place<'k>(&self, key: &'k [u8]) -> Option<Place<'k>> {
        let (service, node) = str::from_utf8(key).ok()?.strip_prefix(&self.0)?.split_once('/')?;
        let place = Place { service, node };
        (!service.is_empty() && !node.is_empty() && !node.contains('/')).then_some(place)
    }
}

impl Place<'_> {
    /// Returns whether a service of this name is stored here.
    pub(super) fn is_of_service(self, name: &str) -> bool {
        segment(name) == self.service
    }

    /// Returns whether a node of this id is stored here.
    pub(super) fn is_of_node(self, id: &str) -> bool {
        segment(id) == self.node
    }
}

impl Range {
    /// All keys that begin with a text, which must end in a character other than the last one there is.
    fn below(folder: &str) -> Range {
        let mut end = folder.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1; // of `/` in all of them
        }
        Range { start: folder.as_bytes().to_vec(), end }
    }
}

/// Returns the key right behind this one.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

fn segment(text: &str) -> Cow<'_, str> {
    if text.contains('/') { Cow::Owned(text.replace('/', "-")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::{Place, Prefix, after};

    #[test]
    fn keys_are_those_of_go() {
        let check = |service: &str, node: &str, expected: &str| {
            let key = Prefix::new("/micro/registry").node(service, node);
            assert_eq!(String::from_utf8(key).expect("is text"), expected);
        };
        check("greeter", "greeter-1", "/micro/registry/greeter/greeter-1");
        check("ns/greeter", "a/b/c", "/micro/registry/ns-greeter/a-b-c");
        check("..", "/../", "/micro/registry/../-..-");
    }

    #[test]
    fn ranges_hold_what_is_below_and_no_neighbour() {
        let prefix = Prefix::new("/micro/registry/");
        let range = prefix.service("a");
        let holds = |key: &[u8]| key >= range.start.as_slice() && key < range.end.as_slice();
        assert!(holds(b"/micro/registry/a/1") && holds("/micro/registry/a/ž".as_bytes()));
        assert!(!holds(b"/micro/registry/a") && !holds(b"/micro/registry/ab/1") && !holds(b"/micro/registry/a0"));
        assert_eq!(prefix.all().end, b"/micro/registry0");
        assert_eq!(after(b"a"), b"a\0");
    }

    #[test]
    fn a_place_is_read_from_its_key_alone() {
        let prefix = Prefix::new("/micro/registry");
        let check = |key: &[u8], expected: Option<(&str, &str)>| {
            let expected = expected.map(|(service, node)| Place { service, node });
            assert_eq!(prefix.place(key), expected, "{}", key.escape_ascii());
        };
        check(b"/micro/registry/a/1", Some(("a", "1")));
        check(b"/micro/registry/../1", Some(("..", "1")));
        for key in
            ["/micro/registry/a", "/micro/registry/a/", "/micro/registry//1", "/micro/registry/a/1/2", "/other/a/1"]
        {
            check(key.as_bytes(), None);
        }
        check(b"/micro/registry/a/\xff", None);
    }

    #[test]
    fn names_with_slashes_are_at_their_place() {
        let place = Place { service: "a-b", node: "c-d" };
        assert!(place.is_of_service("a/b") && place.is_of_service("a-b") && !place.is_of_service("a"));
        assert!(place.is_of_node("c/d") && !place.is_of_node("c"));
    }
}
