//! The ways into collections: items of a list, entries of a map, keys of a type, the variant of an enum.

use std::sync::LazyLock;

use indexmap::map;
use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

use super::{
    cursor::Cursor,
    failure::{Expected, Failure},
    reader::{Place, Target},
};
use crate::{
    schema,
    source::{SourceMap, Span},
    tree::{Entry, Map, Node},
    value::facts,
};

/// The items of a list.
pub(super) struct Items<'c, 't> {
    rest: std::iter::Enumerate<std::slice::Iter<'t, Node>>,
    list: Cursor<'c, 't>,
    /// Whether the only item is the value itself, so that its place is the list's.
    only: bool,
}

impl<'c, 't> Items<'c, 't> {
    pub(super) fn of(items: &'t [Node], list: Cursor<'c, 't>) -> Self {
        Self { rest: items.iter().enumerate(), list, only: false }
    }

    pub(super) fn only(item: &'t [Node], list: Cursor<'c, 't>) -> Self {
        Self { rest: item.iter().enumerate(), list, only: true }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let pass = self.list.pass;
        let Some((index, node)) = self.rest.find(|(_, node)| !pass.is_aside(node)) else { return Ok(None) };
        if self.only {
            return seed.deserialize(Cursor::new(self.list.target, self.list.place, pass)).map(Some);
        }
        let place = Place::Index(self.list.place, index);
        let target = Target { node, mark: node.mark_with(None) };
        seed.deserialize(Cursor::new(target, &place, pass))
            .map(Some)
            .map_err(|failure| pass.note(&place, target, failure))
    }
}

/// The entries of a map whose keys are data.
pub(super) struct Names<'c, 't> {
    entries: map::Iter<'t, String, Entry>,
    map: Cursor<'c, 't>,
    value: Option<(&'t str, &'t Entry)>,
}

impl<'c, 't> Names<'c, 't> {
    pub(super) fn new(entries: &'t Map, map: Cursor<'c, 't>) -> Self {
        Self { entries: entries.iter(), map, value: None }
    }
}

impl<'de> de::MapAccess<'de> for Names<'_, '_> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let pass = self.map.pass;
        let Some((key, entry)) = self.entries.find(|(_, entry)| !pass.is_aside(&entry.node)) else { return Ok(None) };
        self.value = Some((key, entry));
        seed.deserialize(KeyCursor(key)).map(Some).map_err(|failure| {
            let place = Place::Key(self.map.place, key);
            pass.note(&place, Target { node: &entry.node, mark: entry.key }, failure)
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let (key, entry) = self.value.take().expect("serde asks for a key first");
        let place = Place::Key(self.map.place, key);
        let target = Target { node: &entry.node, mark: entry.node.mark_with(Some(entry.key)) };
        let pass = self.map.pass;
        seed.deserialize(Cursor::new(target, &place, pass)).map_err(|failure| pass.note(&place, target, failure))
    }
}

/// The keys of a type. Keys that it does not know are noted and skipped, keys without a value are as good as absent.
pub(super) struct Fields<'c, 't> {
    name: &'static str,
    known: &'static [&'static str],
    entries: Option<map::Iter<'t, String, Entry>>,
    /// The key for which a scalar stands.
    short: Option<&'static str>,
    parent: Cursor<'c, 't>,
    value: Option<(&'t str, Target<'t>)>,
}

impl<'c, 't> Fields<'c, 't> {
    pub(super) fn of(
        entries: &'t Map,
        name: &'static str,
        known: &'static [&'static str],
        parent: Cursor<'c, 't>,
    ) -> Self {
        Self { name, known, entries: Some(entries.iter()), short: None, parent, value: None }
    }

    pub(super) fn empty(name: &'static str, parent: Cursor<'c, 't>) -> Self {
        Self { name, known: &[], entries: None, short: None, parent, value: None }
    }

    pub(super) fn short(key: Option<&'static str>, name: &'static str, parent: Cursor<'c, 't>) -> Self {
        Self { name, known: &[], entries: None, short: key, parent, value: None }
    }

    fn next_entry(&mut self) -> Option<(&'t str, Target<'t>)> {
        if let Some(key) = self.short.take() {
            return Some((key, self.parent.target));
        }
        for (key, entry) in self.entries.as_mut()? {
            let pass = self.parent.pass;
            if pass.is_aside(&entry.node) {
                continue;
            }
            if !self.known.contains(&key.as_str()) {
                pass.unknown_key(self.parent.place, key, entry.key, &entry.node, self.known);
            } else if !entry.node.is_null() {
                return Some((key, Target { node: &entry.node, mark: entry.node.mark_with(Some(entry.key)) }));
            }
        }
        None
    }
}

impl<'de> de::MapAccess<'de> for Fields<'_, '_> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        self.value = self.next_entry();
        self.value.map(|(key, _)| seed.deserialize(KeyCursor(key))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let (key, target) = self.value.take().expect("serde asks for a key first");
        let pass = self.parent.pass;
        let bounds = schema::bounds(self.name, key);
        // A short form has no key of its own: its place is the place of the whole.
        let place = if self.entries.is_some() { &Place::Key(self.parent.place, key) } else { self.parent.place };
        let cursor = Cursor::new(target, place, pass).bounded(bounds);
        seed.deserialize(cursor).map_err(|failure| pass.note(place, target, failure))
    }
}

/// A key as serde reads it: its text.
struct KeyCursor<'t>(&'t str);

impl<'de> Deserializer<'de> for KeyCursor<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        let value = facts(name).map(|facts| facts.name);
        visitor.visit_newtype_struct(self).map_err(|failure| failure.within(value))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The variant of an enum, with what belongs to it.
pub(super) struct Variant<'c, 't> {
    word: &'t str,
    content: Option<&'t Entry>,
    /// Whether the value itself is the content: a short form.
    short: bool,
    parent: Cursor<'c, 't>,
}

impl<'c, 't> Variant<'c, 't> {
    /// `handler: proxy`
    pub(super) fn word(word: &'t str, parent: Cursor<'c, 't>) -> Self {
        Self { word, content: None, short: false, parent }
    }

    /// `handler: { proxy: {…} }`
    pub(super) fn with_keys(word: &'t str, entry: &'t Entry, parent: Cursor<'c, 't>) -> Self {
        Self { word, content: Some(entry), short: false, parent }
    }

    /// `x-tier: gold` for `x-tier: { exact: gold }`
    pub(super) fn short(word: &'static str, parent: Cursor<'c, 't>) -> Self {
        Self { word, content: None, short: true, parent }
    }
}

impl<'t> Variant<'_, 't> {
    /// Notes what is wrong with the content as a whole. Without it the variant has no value: it is put aside as well.
    fn note(&self, place: &Place<'_>, content: Target<'t>, failure: Failure) -> Failure {
        if matches!(failure, Failure::Raw(_)) {
            self.parent.pass.put_aside(self.parent.target.node);
        }
        self.parent.pass.note(place, content, failure)
    }
}

/// What `handler: proxy` says of the keys of `proxy`: nothing.
static NO_KEYS: LazyLock<Node> = LazyLock::new(|| {
    let nowhere = SourceMap::default().add(crate::source::SourceKind::Preset(String::new()), String::new());
    Node::map(Span::new(nowhere, 0..0))
});

impl<'de> de::EnumAccess<'de> for Variant<'_, '_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let variant = seed.deserialize(KeyCursor(self.word)).map_err(|failure| match (failure, self.content) {
            // In the long form the word is a key: that is where to point.
            (raw @ Failure::Raw(_), Some(entry)) => {
                let target = Target { node: self.parent.target.node, mark: entry.key };
                self.parent.pass.note(self.parent.place, target, raw)
            }
            (failure, _) => failure,
        })?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        let Some(entry) = self.content else { return Ok(()) };
        let empty = entry.node.is_null() || entry.node.as_map().is_some_and(Map::is_empty);
        if empty {
            return Ok(());
        }
        let place = Place::Key(self.parent.place, self.word);
        let target = Target { node: &entry.node, mark: entry.node.mark_with(Some(entry.key)) };
        Err(self.note(&place, target, Failure::wrong_type(Expected::Other(format!("no keys below `{}`", self.word)))))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        let pass = self.parent.pass;
        if self.short {
            return seed.deserialize(Cursor::new(self.parent.target, self.parent.place, pass));
        }
        let place = Place::Key(self.parent.place, self.word);
        let Some(entry) = self.content else {
            // Without keys of its own there is nothing to point at but the word.
            let target = Target { node: &NO_KEYS, ..self.parent.target };
            return seed.deserialize(Cursor::new(target, &place, pass));
        };
        let target = Target { node: &entry.node, mark: entry.node.mark_with(Some(entry.key)) };
        seed.deserialize(Cursor::new(target, &place, pass)).map_err(|failure| self.note(&place, target, failure))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Failure> {
        Err(Failure::wrong_type(Expected::Other("one value".to_owned())))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Failure> {
        Err(Failure::wrong_type(Expected::Other("one value".to_owned())))
    }
}
