//! What a node says in its TXT record: JSON, deflated, in hexadecimal digits, in pieces of 255.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use mesh_rpc::json;
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::model::read::{self, Record};
use crate::model::{Endpoint, Metadata, filled, filled_map};

/// The most bytes of one string in a TXT record (RFC 1035 section 3.3.14).
const STRING_BYTES_MAX: usize = 255;
/// The most bytes of JSON: a packet inflates a thousandfold if it is made to.
const JSON_BYTES_MAX: usize = 1024 * 1024;

/// The text that a node publishes besides its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Payload {
    /// The service.
    pub(super) service: String,
    /// Its version.
    pub(super) version: String,
    /// What can be called.
    pub(super) endpoints: Vec<Endpoint>,
    /// The labels of the node.
    pub(super) metadata: Metadata,
}

/// Why a text is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PayloadError {
    /// It is not made of hexadecimal digits.
    #[error("the text is not hexadecimal")]
    Hexadecimal,
    /// The bytes do not inflate.
    #[error("the text does not inflate")]
    Inflate(#[source] std::io::Error),
    /// They inflate to too much.
    #[error("the text inflates to more than {JSON_BYTES_MAX} bytes")]
    TooLarge,
    /// They inflate to something else.
    #[error("the text is not the JSON of a service")]
    Json(#[source] serde_json::Error),
}

impl Payload {
    /// Returns the strings of the TXT record.
    pub(super) fn to_strings(&self) -> Vec<String> {
        let text = json::to_vec(self).expect("strings, lists and maps with string keys always serialise");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).expect("a vector takes all");
        let bytes = encoder.finish().expect("a vector takes all");
        strings_of(&bytes)
    }

    /// Reads the strings of a TXT record.
    pub(super) fn of_strings<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Result<Payload, PayloadError> {
        let digits: Vec<u8> = strings.into_iter().flatten().copied().collect();
        let bytes = bytes_of(&digits).ok_or(PayloadError::Hexadecimal)?;
        let limit = u64::try_from(JSON_BYTES_MAX + 1).expect("is small");
        let mut text = Vec::new();
        ZlibDecoder::new(&*bytes).take(limit).read_to_end(&mut text).map_err(PayloadError::Inflate)?;
        if text.len() > JSON_BYTES_MAX {
            return Err(PayloadError::TooLarge);
        }
        serde_json::from_slice(&text).map_err(PayloadError::Json)
    }
}

/// Returns the digits of the bytes; a string that is full is followed by the next.
fn strings_of(bytes: &[u8]) -> Vec<String> {
    let mut strings: Vec<String> = Vec::new();
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            if strings.last().is_none_or(|string| string.len() == STRING_BYTES_MAX) {
                strings.push(String::with_capacity(STRING_BYTES_MAX));
            }
            let digit = char::from_digit(u32::from(digit), 16).expect("is below 16");
            strings.last_mut().expect("one was pushed").push(digit);
        }
    }
    strings
}

/// Returns the bytes that digits of either case stand for.
fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Payload", 4)?;
        members.serialize_field("Service", &self.service)?;
        members.serialize_field("Version", &self.version)?;
        members.serialize_field("Endpoints", &filled(&self.endpoints))?;
        members.serialize_field("Metadata", &filled_map(&self.metadata))?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        read::record(deserializer)
    }
}

impl Record for Payload {
    const NAME: &'static str = "what a node says of itself";

    fn take<'de, A: MapAccess<'de>>(&mut self, member: &str, map: &mut A) -> Result<(), A::Error> {
        match member {
            "service" => self.service = read::or_default(map)?,
            "version" => self.version = read::or_default(map)?,
            "endpoints" => self.endpoints = read::list(map)?,
            "metadata" => self.metadata = read::labels(map)?,
            _ => read::ignore(map)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::{Payload, PayloadError, STRING_BYTES_MAX, strings_of};
    use crate::model::Endpoint;

    fn deflated(text: &[u8], level: Compression) -> Vec<String> {
        let mut encoder = ZlibEncoder::new(Vec::new(), level);
        encoder.write_all(text).expect("a vector takes all");
        strings_of(&encoder.finish().expect("a vector takes all"))
    }

    fn read(strings: &[String]) -> Result<Payload, PayloadError> {
        Payload::of_strings(strings.iter().map(String::as_bytes))
    }

    #[track_caller]
    fn check_refused(strings: &[String], expected: &str) {
        assert_eq!(read(strings).expect_err("is refused").to_string(), expected);
    }

    #[test]
    fn short_and_long_texts_survive() {
        for count in [0, 1, 40] {
            // What does not deflate well, so that there are several strings.
            let mut random = fastrand::Rng::with_seed(7);
            let endpoints: Vec<Endpoint> =
                (0..count).map(|_| Endpoint { name: random.u128(..).to_string(), ..Endpoint::default() }).collect();
            let payload = Payload {
                service: "go.micro.srv.s".to_owned(),
                version: "1".to_owned(),
                endpoints,
                metadata: [("protocol".to_owned(), "grpc".to_owned())].into(),
            };
            let strings = payload.to_strings();
            let (last, full) = strings.split_last().expect("there is one");
            assert!(full.iter().all(|string| string.len() == STRING_BYTES_MAX), "all but the last are full");
            assert!((1..=STRING_BYTES_MAX).contains(&last.len()));
            assert_eq!(count == 40, full.len() > 2, "{count} endpoints");
            assert!(strings.iter().flat_map(|string| string.bytes()).all(|digit| b"0123456789abcdef".contains(&digit)));
            assert_eq!(read(&strings).expect("is read"), payload);
        }
    }

    #[test]
    fn any_deflation_either_case_and_any_pieces_are_read() {
        let text = br#"{"SERVICE":"s","version":"1","Endpoints":null,"more":[1]}"#;
        let expected = Payload { service: "s".to_owned(), version: "1".to_owned(), ..Payload::default() };
        for level in [Compression::none(), Compression::best()] {
            let digits = deflated(text, level).concat();
            assert_eq!(read(std::slice::from_ref(&digits)).expect("lower case"), expected);
            assert_eq!(read(&[digits.to_uppercase()]).expect("upper case"), expected);
            let (head, tail) = digits.split_at(7);
            assert_eq!(read(&[head.to_owned(), String::new(), tail.to_owned()]).expect("odd pieces"), expected);
        }
    }

    #[test]
    fn garbage_is_refused() {
        let strings = |text: &str| vec![text.to_owned()];
        check_refused(&strings("xx"), "the text is not hexadecimal");
        check_refused(&strings("789"), "the text is not hexadecimal");
        check_refused(&strings("7+"), "the text is not hexadecimal");
        check_refused(&[], "the text does not inflate");
        check_refused(&strings("00ff00"), "the text does not inflate");
        let cut = deflated(b"{}", Compression::best()).concat();
        check_refused(&strings(cut.get(..cut.len() - 4).expect("is longer")), "the text does not inflate");
        check_refused(&deflated(b"[]", Compression::best()), "the text is not the JSON of a service");
        check_refused(&deflated(&vec![b'['; 200_000], Compression::best()), "the text is not the JSON of a service");
        check_refused(
            &deflated(&vec![b' '; 8 * 1024 * 1024], Compression::best()),
            "the text inflates to more than 1048576 bytes",
        );
    }
}
