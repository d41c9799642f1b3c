//! JSON as Go's `encoding/json` writes it.
//!
//! Records and errors that Go peers compare byte by byte need the same escapes: `<`, `>`, `&`, U+2028 and U+2029
//! as `\u003c` …, control bytes other than `\n`, `\r` and `\t` as `\u00XX`, no white space.

mod syntax;

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

pub use self::syntax::syntax_error;

/// A formatter for `serde_json` that escapes as Go does.
#[derive(Debug, Clone, Copy, Default)]
pub struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, from) = rest.split_at(at);
            let mut characters = from.chars();
            let special = characters.next().map_or(0, u32::from);
            writer.write_all(before.as_bytes())?;
            write!(writer, "\\u{special:04x}")?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        let text: &[u8] = match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\u0008",
            CharEscape::FormFeed => b"\\u000c",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return write!(writer, "\\u{byte:04x}"),
        };
        writer.write_all(text)
    }
}

/// Serialises a value compactly, with Go's escapes.
///
/// # Errors
/// When the value has a map whose keys are not strings, or its own implementation fails.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, GoFormatter))?;
    Ok(bytes)
}

/// Serialises a value compactly, with Go's escapes, as text.
///
/// # Errors
/// As [`to_vec`].
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    Ok(String::from_utf8(to_vec(value)?).expect("serde_json writes the UTF-8 of its strings and ASCII"))
}

/// Replaces each byte that is not part of valid UTF-8 by one U+FFFD, as Go does.
///
/// Different from [`String::from_utf8_lossy`], which makes one U+FFFD of a whole broken sequence.
pub fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{lossy, to_string};

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(to_string(input).expect("a string serialises"), expected);
    }

    #[test]
    fn escapes_are_those_of_go() {
        check("a<b & c>", r#""a\u003cb \u0026 c\u003e""#);
        check("\u{2028}x\u{2029}", r#""\u2028x\u2029""#);
        check("\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}", "\"\\n\\r\\t\\u0008\\u000c\\u0001\\u001f\u{7f}\"");
        check(r#"a"b\c/d"#, r#""a\"b\\c/d""#);
        check("žluťoučký 🐎", "\"žluťoučký 🐎\"");
        check("", "\"\"");
    }

    #[test]
    fn each_invalid_byte_becomes_one_replacement() {
        assert_eq!(lossy(b"a\xff\xe2\x82b"), "a\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(lossy("ž".as_bytes()), "ž");
    }
}
