//! What a plain scalar is: the core schema of YAML 1.2 (§10.3.2).
//!
//! `serde_yaml` is the oracle: the differential test below compares kinds and values over made-up scalars.

use super::Scalar;
use crate::value::shortened;

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolved<'t> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'t str),
}

impl Scalar {
    /// Decides what the scalar is. Quoted ones are text, whatever they look like.
    pub(crate) fn resolve(&self) -> Resolved<'_> {
        if self.plain { resolve_plain(&self.text) } else { Resolved::Text(&self.text) }
    }

    pub(crate) fn describe(&self) -> String {
        match self.resolve() {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(value) => format!("`{value}`"),
            Resolved::Unsigned(_) | Resolved::Signed(_) | Resolved::Float(_) => format!("the number {}", self.text),
            Resolved::Text("") => "an empty text".to_owned(),
            Resolved::Text(text) => format!("the text `{}`", shortened(text)),
        }
    }
}

fn resolve_plain(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        _ => {}
    }
    number(text).unwrap_or(Resolved::Text(text))
}

fn number(text: &str) -> Option<Resolved<'_>> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find_map(|(prefix, radix)| {
        let digits = unsigned.strip_prefix(prefix)?;
        Some((digits, radix))
    });
    if let Some((digits, radix)) = radix {
        let plausible = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        return if plausible { integer(digits, radix, negative) } else { None };
    }
    let digits = unsigned.bytes().all(|b| b.is_ascii_digit());
    if digits {
        // `007` is text: a leading zero means an identifier, and octal in YAML 1.1.
        let leading_zero = unsigned.len() > 1 && unsigned.starts_with('0');
        return if leading_zero { None } else { integer(unsigned, 10, negative).or_else(|| float(text)) };
    }
    float(text)
}

fn integer(digits: &str, radix: u32, negative: bool) -> Option<Resolved<'static>> {
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if !negative {
        return Some(Resolved::Unsigned(magnitude));
    }
    let signed = 0_i64.checked_sub_unsigned(magnitude)?;
    Some(if signed == 0 { Resolved::Unsigned(0) } else { Resolved::Signed(signed) })
}

/// A float of digits with at most one dot and one exponent, finite.
fn float(text: &str) -> Option<Resolved<'static>> {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !text.bytes().all(allowed) || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Resolved::Float)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Compares with what `serde_yaml` makes of the same plain scalar.
    fn check(text: &str) {
        let scalar = Scalar { text: text.to_owned(), plain: true };
        let Ok(theirs) = serde_yaml::from_str::<serde_yaml::Value>(&format!("a: {text}")) else { return };
        let theirs = &theirs["a"];
        let same = match (scalar.resolve(), theirs) {
            (Resolved::Null, serde_yaml::Value::Null) => true,
            (Resolved::Bool(a), serde_yaml::Value::Bool(b)) => a == *b,
            (Resolved::Unsigned(a), serde_yaml::Value::Number(b)) => b.as_u64() == Some(a),
            (Resolved::Signed(a), serde_yaml::Value::Number(b)) => b.as_i64() == Some(a),
            (Resolved::Float(a), serde_yaml::Value::Number(b)) => {
                b.as_f64().is_some_and(|b| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
            }
            (Resolved::Text(a), serde_yaml::Value::String(b)) => a == b,
            _ => false,
        };
        assert!(same, "{text:?}: we say {:?}, serde_yaml says {theirs:?}", scalar.resolve());
    }

    #[test]
    fn scalars_of_the_core_schema_are_what_serde_yaml_says() {
        for text in [
            "~",
            "null",
            "Null",
            "nUll",
            "true",
            "True",
            "tRue",
            "yes",
            "no",
            "on",
            "off",
            "0",
            "-0",
            "+1",
            "007",
            "0x1F",
            "0o17",
            "0b101",
            "-0x10",
            "1_000",
            "1.5",
            "-1.5e3",
            "1e3",
            ".5",
            "5.",
            ".inf",
            "-.Inf",
            ".nan",
            "1.2.3",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "0x",
            "1e400",
            "+",
            "-",
            ".",
            "12:30:45",
            "1e",
            "++1",
            "+-1",
            "0xZZ",
            "2001-01-01",
            "1,5",
            "5s",
            "8080",
            "micro/v1",
        ] {
            check(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn made_up_numbers_are_what_serde_yaml_says(text in "[+-]?(0x|0o|0b)?[0-9a-fA-F.]{1,6}([eE][+-]?[0-9]{1,2})?") {
            check(&text);
        }

        #[test]
        fn made_up_words_are_what_serde_yaml_says(text in "[+.~a-zA-Z0-9_-]{1,5}") {
            check(&text);
        }
    }
}
