//! Reading records as liberally as Go does.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Endpoint, Metadata, Node, Service, Value};

/// A record that is read member by member.
pub(crate) trait Record: Default {
    /// What it is called in an error.
    const NAME: &'static str;

    /// Takes the value of the member of that name (in lower case), or ignores it.
    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error>;
}

impl Record for Service {
    const NAME: &'static str = "a service";

    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error> {
        match member {
            "name" => self.name = or_default(map)?,
            "version" => self.version = or_default(map)?,
            "metadata" => self.metadata = labels(map)?,
            "endpoints" => self.endpoints = list(map)?,
            "nodes" => self.nodes = list(map)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

impl Record for Node {
    const NAME: &'static str = "a node";

    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error> {
        match member {
            "id" => self.id = or_default(map)?,
            "address" => self.address = or_default(map)?,
            "metadata" => self.metadata = labels(map)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

impl Record for Endpoint {
    const NAME: &'static str = "an endpoint";

    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error> {
        match member {
            "name" => self.name = or_default(map)?,
            "request" => self.request = map.next_value()?,
            "response" => self.response = map.next_value()?,
            "metadata" => self.metadata = labels(map)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

impl Record for Value {
    const NAME: &'static str = "a value";

    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error> {
        match member {
            "name" => self.name = or_default(map)?,
            "type" => self.kind = or_default(map)?,
            "values" => self.values = list(map)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

macro_rules! deserialize_as_record {
    ($($record:ty),*) => {$(
        impl<'de> Deserialize<'de> for $record {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$record, D::Error> {
                record(deserializer)
            }
        }
    )*};
}

deserialize_as_record!(Service, Node, Endpoint, Value);

/// Reads a record.
pub(crate) fn record<'de, R: Record, D: Deserializer<'de>>(deserializer: D) -> Result<R, D::Error> {
    deserializer.deserialize_map(Members(PhantomData))
}

struct Members<R>(PhantomData<R>);

impl<'de, R: Record> Visitor<'de> for Members<R> {
    type Value = R;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (an object)", R::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<R, A::Error> {
        let mut record = R::default();
        while let Some(member) = map.next_key::<String>()? {
            record.take(&member.to_ascii_lowercase(), &mut map)?;
        }
        Ok(record)
    }
}

/// A member; `null` is its default.
pub(crate) fn or_default<'de, T: Default + Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<T, A::Error> {
    map.next_value::<Option<T>>().map(Option::unwrap_or_default)
}

/// A list; an element that is `null` is the record without members.
pub(crate) fn list<'de, T: Default + Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Vec<T>, A::Error> {
    let items: Vec<Option<T>> = or_default(map)?;
    Ok(items.into_iter().map(Option::unwrap_or_default).collect())
}

/// A map; a label that is `null` is empty.
pub(crate) fn labels<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Metadata, A::Error> {
    let labels: BTreeMap<String, Option<String>> = or_default(map)?;
    Ok(labels.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect())
}

/// Passes a member by.
pub(crate) fn ignore<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}
