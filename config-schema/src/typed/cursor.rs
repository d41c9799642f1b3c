//! A serde deserializer over the tree.

use serde::{Deserializer, de::Visitor, forward_to_deserialize_any};

use super::{
    access::{Fields, Items, Names, Variant},
    failure::{Expected, Failure, Kind},
    reader::{Pass, Place, Target},
};
use crate::{
    diagnostic::Code,
    document::{ONE_OR_MANY, short_form},
    schema::Bounds,
    tree::{Node, Resolved, Value},
    value::facts,
};

/// Stands at one value of the tree.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'c, 't> {
    pub(super) target: Target<'t>,
    pub(super) place: &'c Place<'c>,
    pub(super) pass: &'c Pass<'c, 't>,
    /// Bounds of the key that holds the value, from the JSON Schema.
    bounds: Bounds,
    /// Whether a value that is no list stands for its only item.
    one_or_many: bool,
    /// The textual value that is being read.
    value: Option<&'static str>,
}

impl<'c, 't> Cursor<'c, 't> {
    pub(super) fn new(target: Target<'t>, place: &'c Place<'c>, pass: &'c Pass<'c, 't>) -> Self {
        Self { target, place, pass, bounds: Bounds::default(), one_or_many: false, value: None }
    }

    pub(super) fn bounded(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    fn node(&self) -> &'t Node {
        self.target.node
    }

    /// The variant that the value chooses: a word, or the only key of a map with what belongs to it.
    fn variant(self, name: &str, known: &'static [&'static str]) -> Result<Variant<'c, 't>, Failure> {
        match &self.node().value {
            Value::Scalar(scalar) => match (short_form(name), scalar.resolve()) {
                (Some(key), _) => Ok(Variant::short(key, self)),
                (None, Resolved::Text(word)) => Ok(Variant::word(word, self)),
                (None, _) => Err(Failure::wrong_type(one_of(known))),
            },
            Value::Map(map) if has_variants_with_keys(name) => match map.first() {
                Some((word, entry)) if map.len() == 1 => Ok(Variant::with_keys(word, entry, self)),
                _ => Err(Failure::raw(Kind::SeveralKeys { known })),
            },
            _ => Err(Failure::wrong_type(one_of(known))),
        }
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V, largest: u64) -> Result<V::Value, Failure> {
        let scalar = self.node().as_scalar().ok_or_else(|| Failure::wrong_type(Expected::WholeNumber))?;
        let least = self.bounds.minimum.unwrap_or(0);
        let most = self.bounds.maximum.unwrap_or(largest);
        match scalar.resolve() {
            Resolved::Unsigned(number) if (least..=most).contains(&number) => visitor.visit_u64(number),
            Resolved::Unsigned(_) | Resolved::Signed(_) => Err(Failure::raw(Kind::OutOfRange {
                code: Code::BadNumber,
                message: format!("{} is out of range", scalar.text),
                allowed: format!("from {least} to {most}"),
            })),
            _ => Err(Failure::wrong_type(Expected::WholeNumber)),
        }
    }
}

/// Numbers of each width go the same way, with what the width can hold.
macro_rules! integers {
    ($($method:ident: $largest:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.integer(visitor, $largest)
        })*
    };
}

impl<'de> Deserializer<'de> for Cursor<'_, '_> {
    type Error = Failure;

    integers! {
        deserialize_u8: u64::from(u8::MAX);
        deserialize_u16: u64::from(u16::MAX);
        deserialize_u32: u64::from(u32::MAX);
        deserialize_u64: u64::MAX;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node().value {
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => visitor.visit_unit(),
                Resolved::Bool(value) => visitor.visit_bool(value),
                Resolved::Unsigned(number) => visitor.visit_u64(number),
                Resolved::Signed(number) => visitor.visit_i64(number),
                Resolved::Float(number) => visitor.visit_f64(number),
                Resolved::Text(text) => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node().as_scalar().map(|scalar| scalar.resolve()) {
            Some(Resolved::Bool(value)) => visitor.visit_bool(value),
            _ => Err(Failure::wrong_type(Expected::Bool)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Some(scalar) = self.node().as_scalar() else {
            return Err(Failure::wrong_type(Expected::Text));
        };
        match scalar.resolve() {
            Resolved::Text(text) => visitor.visit_str(text),
            Resolved::Null => Err(Failure::wrong_type(Expected::Text)),
            // A token of digits is a token; to refuse it would mean to print it.
            _ if self.value == Some("Secret") => visitor.visit_str(&scalar.text),
            // `5` for a duration: what its parser says of the text helps more than the name of the type.
            _ if self.value.is_some() => match visitor.visit_str::<Failure>(&scalar.text) {
                Ok(_) => Err(Failure::wrong_type(Expected::Text)),
                Err(refused) => Err(refused),
            },
            _ => Err(Failure::wrong_type(Expected::Text)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.node().is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        let value = facts(name).map(|facts| facts.name);
        let inner = Self { value, one_or_many: name == ONE_OR_MANY, ..self };
        visitor.visit_newtype_struct(inner).map_err(|failure| failure.within(value))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let only = std::slice::from_ref(self.node());
        let items = match &self.node().value {
            Value::List(items) => items,
            _ if self.one_or_many => return visitor.visit_seq(Items::only(only, self)),
            _ => return Err(Failure::wrong_type(Expected::List)),
        };
        if items.len() < self.bounds.items_min {
            return Err(Failure::raw(Kind::OutOfRange {
                code: Code::EmptyList,
                message: "the list is empty".to_owned(),
                allowed: "at least one item is needed".to_owned(),
            }));
        }
        visitor.visit_seq(Items::of(items, self))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node().value {
            Value::Map(map) => visitor.visit_map(Names::new(map, self)),
            _ => Err(Failure::wrong_type(Expected::Map)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let fields = match &self.node().value {
            Value::Map(map) => Fields::of(map, name, fields, self),
            Value::Scalar(_) if self.node().is_null() => Fields::empty(name, self),
            Value::Scalar(_) if short_form(name).is_some() => Fields::short(short_form(name), name, self),
            _ => return Err(Failure::wrong_type(Expected::Map)),
        };
        visitor.visit_map(fields).map_err(|failure| failure.within(Some(name)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let variant = self.variant(name, variants);
        variant.and_then(|variant| visitor.visit_enum(variant)).map_err(|failure| failure.within(Some(name)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Enums whose variants have keys of their own; the words of the others (`http`, `grpc`) are no maps.
fn has_variants_with_keys(name: &str) -> bool {
    matches!(name, "Handler" | "ValueMatch")
}

fn one_of(words: &[&str]) -> Expected {
    let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match words {
        [_] => Expected::Other(list),
        _ => Expected::Other(format!("one of {list}")),
    }
}
