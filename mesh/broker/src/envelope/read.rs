//! Reading an envelope member by member, with Go's words for what is of the wrong type.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::message::Header;

/// Go's `base64.StdEncoding`: padded, and not strict about the bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

#[derive(Default)]
pub(super) struct Envelope {
    header: Header,
    body: Vec<u8>,
}

impl Envelope {
    pub(super) fn parts(self) -> (Header, Vec<u8>) {
        (self.header, self.body)
    }
}

/// Something with a place in Go's errors.
trait Part: Default {
    /// What Go calls the place and its type.
    const PLACE: &'static str;

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        let _ = text;
        Err(mismatch::<Self, E>("string"))
    }

    fn of_list<'de, A: SeqAccess<'de>>(_list: A) -> Result<Self, A::Error> {
        Err(mismatch::<Self, A::Error>("array"))
    }

    fn of_map<'de, A: MapAccess<'de>>(_map: A) -> Result<Self, A::Error> {
        Err(mismatch::<Self, A::Error>("object"))
    }
}

fn mismatch<P: Part, E: Error>(found: &str) -> E {
    E::custom(format_args!("json: cannot unmarshal {found} into Go {}", P::PLACE))
}

impl Part for Envelope {
    const PLACE: &'static str = "value of type broker.Message";

    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = map.next_key::<String>()? {
            if name.eq_ignore_ascii_case("header") {
                // A second one adds to the first, and `null` empties it, as Go has it.
                match map.next_value::<Read<Option<Entries>>>()?.0 {
                    Some(entries) => envelope.header.extend(entries.0),
                    None => envelope.header.clear(),
                }
            } else if name.eq_ignore_ascii_case("body") {
                envelope.body = map.next_value::<Read<Body>>()?.0.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(envelope)
    }
}

#[derive(Default)]
struct Entries(Header);

impl Part for Entries {
    const PLACE: &'static str = "struct field Message.Header of type map[string]string";

    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut header = Header::new();
        while let Some(name) = map.next_key::<String>()? {
            header.insert(name, map.next_value::<Read<Text>>()?.0.0);
        }
        Ok(Entries(header))
    }
}

impl<P: Part> Part for Option<P> {
    const PLACE: &'static str = P::PLACE;

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        P::of_map(map).map(Some)
    }
}

#[derive(Default)]
struct Text(String);

impl Part for Text {
    const PLACE: &'static str = "struct field Message.Header of type string";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Text(text.to_owned()))
    }
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Part for Body {
    const PLACE: &'static str = "struct field Message.Body of type []uint8";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        let decoded = if text.contains(['\r', '\n']) {
            BASE64.decode(text.replace(['\r', '\n'], ""))
        } else {
            BASE64.decode(text)
        };
        decoded.map(Body).map_err(|error| match error {
            base64::DecodeError::InvalidByte(at, _) => {
                E::custom(format_args!("illegal base64 data at input byte {at}"))
            }
            _ => E::custom(format_args!("illegal base64 data at input byte {}", text.len() / 4 * 4)),
        })
    }

    /// Go takes a list of numbers for bytes, too.
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Body(bytes))
    }
}

/// A part that is read; `null` is its default.
struct Read<P>(P);

impl<'de, P: Part> Deserialize<'de> for Read<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Read)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read::deserialize(deserializer).map(|read| read.0)
    }
}

struct Any<P>(PhantomData<P>);

impl<'de, P: Part> Visitor<'de> for Any<P> {
    type Value = P;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(P::PLACE)
    }

    fn visit_unit<E: Error>(self) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<P, E> {
        P::of_text(text)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<P, E> {
        Err(mismatch::<P, E>("bool"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<P, E> {
        Err(mismatch::<P, E>("number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<P, E> {
        Err(mismatch::<P, E>("number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<P, E> {
        Err(mismatch::<P, E>("number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<P, A::Error> {
        P::of_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<P, A::Error> {
        P::of_map(map)
    }
}
