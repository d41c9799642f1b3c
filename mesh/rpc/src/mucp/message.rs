//! A transport message: headers and a body.

use bytes::Bytes;

/// What travels between two peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// What is said about the body, and about the call.
    pub headers: Headers,
    /// The body, encoded as `Content-Type` says.
    pub body: Bytes,
}

/// Headers in Go's spelling (`Micro-Trace-Id`), each once, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    entries: Vec<(String, String)>,
}

impl Headers {
    /// Returns no headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Returns the value of a header, in any case; the empty text when it is not there, as go-micro does.
    pub fn get(&self, name: &str) -> &str {
        self.find(&canonical(name)).map_or("", |at| self.entries.get(at).map_or("", |(_, value)| value.as_str()))
    }

    /// Returns the value of a header or, where that is empty, of its twin with `X-` before the name.
    pub fn get_or_twin(&self, name: &str) -> &str {
        match self.get(name) {
            "" => self.get(&format!("X-{name}")),
            value => value,
        }
    }

    /// Sets a header; the empty value leaves it out.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let (name, value) = (canonical(name), value.into());
        match self.entries.binary_search_by(|(known, _)| known.as_str().cmp(&name)) {
            Ok(at) if value.is_empty() => drop(self.entries.remove(at)),
            Ok(at) => {
                if let Some((_, known)) = self.entries.get_mut(at) {
                    *known = value;
                }
            }
            Err(_) if value.is_empty() => {}
            Err(at) => self.entries.insert(at, (name, value)),
        }
    }

    /// Sets a header and its twin with `X-` before the name.
    pub fn set_with_twin(&mut self, name: &str, value: &str) {
        self.set(name, value);
        self.set(&format!("X-{name}"), value);
    }

    /// Takes a header that was received: of a repeated one the first value counts.
    pub(super) fn receive(&mut self, name: &str, value: String) {
        if self.find(&canonical(name)).is_none() {
            self.set(name, value);
        }
    }

    /// Returns names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn find(&self, canonical: &str) -> Option<usize> {
        self.entries.binary_search_by(|(known, _)| known.as_str().cmp(canonical)).ok()
    }
}

/// Spells a header name as Go does: `micro-trace-id` is `Micro-Trace-Id`. A name that is no token stays as it is.
pub fn canonical(name: &str) -> String {
    if !is_token(name) {
        return name.to_owned();
    }
    let mut spelled = String::with_capacity(name.len());
    let mut first = true;
    for character in name.chars() {
        spelled.push(if first { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() });
        first = character == '-';
    }
    spelled
}

/// Says whether a text may be the name of a header (RFC 9110 §5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    let is_symbol = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_symbol(byte))
}

#[cfg(test)]
mod tests {
    use super::{Headers, canonical};

    #[test]
    fn names_are_spelled_as_in_go() {
        for (name, expected) in [
            ("micro-trace-id", "Micro-Trace-Id"),
            ("MICRO-ID", "Micro-Id"),
            ("x_y-z", "X_y-Z"),
            ("te", "Te"),
            ("a b", "a b"),
            (":path", ":path"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }

    #[test]
    fn headers_are_sorted_and_found_in_any_case() {
        let mut headers = Headers::new();
        headers.set_with_twin("Micro-Id", "1");
        headers.set("accept", "a");
        headers.set("ACCEPT", "b");
        headers.receive("accept", "c".to_owned());
        headers.set("Empty", "");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("Accept", "b"), ("Micro-Id", "1"), ("X-Micro-Id", "1")]);
        headers.set("micro-id", "");
        assert_eq!((headers.get("Micro-Id"), headers.get_or_twin("micro-id")), ("", "1"));
    }
}
