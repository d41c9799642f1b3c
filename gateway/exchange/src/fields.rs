//! Header fields with edits on top: reads see the effective value, writes are a list.
//!
//! The list is what lets an HTTP/1 codec of our own drop and append spans of the received bytes later; on hyper the
//! edits become operations on its `HeaderMap` once, when the message is sent on.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};

use crate::Names;

/// One change to the received fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Replaces all values of the field by one.
    Set(HeaderName, HeaderValue),
    /// Adds a value after those there are.
    Append(HeaderName, HeaderValue),
    /// Removes the field.
    Remove(HeaderName),
}

impl Edit {
    fn name(&self) -> &HeaderName {
        match self {
            Self::Set(name, _) | Self::Append(name, _) | Self::Remove(name) => name,
        }
    }
}

/// The received fields and the edits made since.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    received: HeaderMap,
    names: Names,
    edits: Vec<Edit>,
}

/// What the response still depends on once the request has gone on: its form, its media type, its origin.
const KEPT: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, ORIGIN];

impl Fields {
    /// Takes the fields as received.
    pub fn new(received: HeaderMap) -> Self {
        Self { names: Names::of(&received), received, edits: Vec::new() }
    }

    /// Returns the first effective value of a field.
    pub fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        if !self.names.may_hold(name) {
            return None;
        }
        self.edits.iter().filter(|edit| edit.name() == name).fold(self.received.get(name), |current, edit| match edit {
            Edit::Set(_, value) => Some(value),
            Edit::Append(_, value) => current.or(Some(value)),
            Edit::Remove(_) => None,
        })
    }

    /// Returns the first effective value of a field if it is visible ASCII text.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }

    /// Returns all effective values of a field, in order.
    pub fn values(&self, name: &HeaderName) -> Vec<&HeaderValue> {
        let mut values: Vec<&HeaderValue> = self.received.get_all(name).iter().collect();
        for edit in self.edits.iter().filter(|edit| edit.name() == name) {
            match edit {
                Edit::Set(_, value) => values = vec![value],
                Edit::Append(_, value) => values.push(value),
                Edit::Remove(_) => values.clear(),
            }
        }
        values
    }

    /// Returns whether the field has an effective value.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// Replaces all values of a field by one.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.names.add(&name);
        self.edits.push(Edit::Set(name, value));
    }

    /// Adds a value to a field.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.names.add(&name);
        self.edits.push(Edit::Append(name, value));
    }

    /// Removes a field. Nothing is recorded when the field is not there.
    pub fn remove(&mut self, name: &HeaderName) {
        if self.contains(name) {
            self.edits.push(Edit::Remove(name.clone()));
        }
    }

    /// Returns the fields as they came, without the edits.
    pub fn received(&self) -> &HeaderMap {
        &self.received
    }

    /// Returns the edits in the order in which they were made.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Returns the name of each field that has an effective value, once.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let is_new = |(index, edit): &(usize, &Edit)| {
            !self.received.contains_key(edit.name())
                && self.edits.iter().take(*index).all(|before| before.name() != edit.name())
        };
        let added = self.edits.iter().enumerate().filter(is_new).map(|(_, edit)| edit.name());
        self.received.keys().chain(added).filter(|name| self.contains(name))
    }

    /// Returns whether a field was set or added here, whatever was received.
    pub fn is_set_here(&self, name: &HeaderName) -> bool {
        self.edits.iter().any(|edit| edit.name() == name && !matches!(edit, Edit::Remove(_)))
    }

    /// Takes the effective fields, to be sent on; the filter says which may be there. `clean` drops what concerns the
    /// connection from the fields as received, before the edits: a client that names a field in `Connection` takes away
    /// its own, never what was set here. What the response still depends on stays behind, as it was received.
    pub fn take(&mut self, clean: impl FnOnce(&mut HeaderMap, Names)) -> (HeaderMap, Names) {
        let Self { mut received, names, edits } = std::mem::take(self);
        for name in &KEPT {
            if names.may_hold(name)
                && let Some(value) = received.get(name)
            {
                self.received.insert(name.clone(), value.clone());
                self.names.add(name);
            }
        }
        clean(&mut received, names);
        (apply(received, edits), names)
    }

    /// Applies the edits and returns the effective fields.
    pub fn into_map(self) -> HeaderMap {
        apply(self.received, self.edits)
    }
}

fn apply(mut map: HeaderMap, edits: Vec<Edit>) -> HeaderMap {
    for edit in edits {
        match edit {
            Edit::Set(name, value) => drop(map.insert(name, value)),
            Edit::Append(name, value) => drop(map.append(name, value)),
            Edit::Remove(name) => drop(map.remove(name)),
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use http::header::{HOST, VIA};

    use super::*;

    fn fields() -> Fields {
        let mut map = HeaderMap::new();
        map.append(ACCEPT, HeaderValue::from_static("a"));
        map.append(ACCEPT, HeaderValue::from_static("b"));
        Fields::new(map)
    }

    #[test]
    fn reads_see_the_edits() {
        let mut fields = fields();
        fields.append(ACCEPT, HeaderValue::from_static("c"));
        assert_eq!(fields.values(&ACCEPT), ["a", "b", "c"]);
        fields.set(ACCEPT, HeaderValue::from_static("d"));
        assert_eq!(fields.text(&ACCEPT), Some("d"));
        fields.remove(&ACCEPT);
        assert!(!fields.contains(&ACCEPT));
        fields.append(VIA, HeaderValue::from_static("micro"));
        assert_eq!(fields.text(&VIA), Some("micro"));
        assert_eq!(fields.received().len(), 2);
    }

    #[test]
    fn what_the_response_needs_stays_when_the_rest_goes_on() {
        let mut fields = fields();
        fields.set(HOST, HeaderValue::from_static("h"));
        let (map, names) = fields.take(|_, _| {});
        assert_eq!((map.len(), names.may_hold(&HOST)), (3, true));
        assert_eq!((fields.text(&ACCEPT), fields.text(&HOST)), (Some("a"), None));
    }

    #[test]
    fn what_was_set_here_survives_the_cleaning_of_what_was_received() {
        let mut fields = fields();
        fields.set(ACCEPT, HeaderValue::from_static("set"));
        fields.append(VIA, HeaderValue::from_static("micro"));
        fields.append(VIA, HeaderValue::from_static("again"));
        fields.remove(&HOST);
        assert_eq!(fields.names().collect::<Vec<_>>(), [ACCEPT, VIA]);
        assert!(fields.is_set_here(&ACCEPT) && !fields.is_set_here(&HOST));
        let (map, _) = fields.take(|received, _| received.clear());
        assert_eq!(map.get_all(VIA).iter().collect::<Vec<_>>(), ["micro", "again"]);
        assert_eq!((map.get(ACCEPT).unwrap(), fields.text(&ACCEPT)), (&HeaderValue::from_static("set"), Some("a")));
    }

    #[test]
    fn a_map_made_of_the_edits_agrees_with_the_reads() {
        let mut fields = fields();
        fields.set(HOST, HeaderValue::from_static("h"));
        fields.remove(&ACCEPT);
        fields.append(ACCEPT, HeaderValue::from_static("z"));
        fields.remove(&VIA);
        assert_eq!(fields.edits().len(), 3);
        let (accept, host) = (fields.text(&ACCEPT).map(str::to_owned), fields.text(&HOST).map(str::to_owned));
        let map = fields.into_map();
        assert_eq!(map.get(ACCEPT).and_then(|v| v.to_str().ok()).map(str::to_owned), accept);
        assert_eq!(map.get(HOST).and_then(|v| v.to_str().ok()).map(str::to_owned), host);
    }
}
