//! Quantities with a unit: bytes (`4MiB`), rates (`100/s`), percentages (`20%`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ParseError, TextValue, ValueFacts, text_value};
use crate::diagnostic::Code;

/// A number of bytes: `4MiB`, `64KiB`, `500kB`, or a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Units of bytes, largest first; the canonical form uses the binary ones.
const BYTE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// Makes a size of `count` KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// Makes a size of `count` MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// Returns the size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the size in bytes, at most what this machine can address.
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (digits, unit) = split_number(text)?;
        let count: u64 = digits.parse().map_err(|_| ParseError::new("the number is too large"))?;
        if unit.is_empty() {
            return Ok(Self(count));
        }
        let Some((_, size)) = BYTE_UNITS.iter().find(|(name, _)| *name == unit) else {
            let hint = BYTE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map_or_else(
                || "; there are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB".to_owned(),
                |(name, _)| format!("; write `{digits}{name}`"),
            );
            return Err(ParseError::new(format!("`{unit}` is no unit{hint}")));
        };
        count.checked_mul(*size).map(Self).ok_or_else(|| ParseError::new("the number is too large"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.0 >= *size && self.0.is_multiple_of(*size);
        match BYTE_UNITS.iter().filter(|(name, _)| name.ends_with("iB")).find(fits) {
            Some((name, size)) => write!(out, "{}{name}", self.0 / size),
            None => write!(out, "{}B", self.0),
        }
    }
}

impl TextValue for ByteSize {
    const FACTS: ValueFacts =
        ValueFacts { name: "ByteSize", code: Code::BadSize, what: "a size", examples: "`64KiB` or `4MiB`" };
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(Self::FACTS.name, ByteSizeVisitor)
    }
}

/// Takes a text with a unit, or a plain integer of bytes.
struct ByteSizeVisitor;

impl<'de> de::Visitor<'de> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(ByteSize::FACTS.what)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<ByteSize, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }
}

impl schemars::JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of bytes: an integer, or text with a unit such as `64KiB` or `4MiB`.",
            "oneOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$" },
            ],
        })
    }
}

/// How often something may happen: `100/s`, `10/m`, `1000/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many times, at least one.
    pub count: u32,
    /// In which span of time.
    pub per: RatePer,
}

/// The span of time of a [`Rate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RatePer {
    /// `/s`
    Second,
    /// `/m`
    Minute,
    /// `/h`
    Hour,
}

text_value!(Rate, BadRate, "a rate", "`100/s`, `10/m` or `1000/h`", "^[0-9]+/(s|m|h)$");

impl RatePer {
    /// Returns the span of time.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        })
    }
}

impl FromStr for Rate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (digits, rest) = split_number(text)?;
        let per = match rest {
            "/s" => RatePer::Second,
            "/m" => RatePer::Minute,
            "/h" => RatePer::Hour,
            "" => return Err(ParseError::new(format!("`{digits}/s` means so many a second"))),
            other => return Err(ParseError::new(format!("`{other}` is no span of time; there are /s, /m and /h"))),
        };
        match digits.parse() {
            Ok(0) => Err(ParseError::new("a rate of nothing would refuse everything")),
            Ok(count) => Ok(Self { count, per }),
            Err(_) => Err(ParseError::new("the number is too large")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            RatePer::Second => "s",
            RatePer::Minute => "m",
            RatePer::Hour => "h",
        };
        write!(out, "{}/{per}", self.count)
    }
}

/// A share of a whole: `20%`, `0.5%`, from 0 to 100 with two decimals. Held in basis points so that it stays `Eq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    basis_points: u16,
}

text_value!(Percent, BadPercent, "a percentage", "`20%` or `0.5%`", r"^[0-9]+(\.[0-9]{1,2})?%$");

impl Percent {
    /// Returns the share in hundredths of a percent: 0 to 10,000.
    pub const fn basis_points(self) -> u16 {
        self.basis_points
    }
}

impl FromStr for Percent {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let Some(number) = text.strip_suffix('%') else {
            return Err(ParseError::new("the sign `%` is missing"));
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(ParseError::new("a number with at most two decimals was expected before `%`"));
        }
        let hundredths: u16 = format!("{fraction:0<2}").parse().expect("two digits");
        let points = whole.parse::<u16>().ok().and_then(|whole| whole.checked_mul(100)?.checked_add(hundredths));
        match points {
            Some(basis_points) if basis_points <= 10_000 => Ok(Self { basis_points }),
            _ => Err(ParseError::new("it is more than 100%")),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.basis_points / 100, self.basis_points % 100);
        match hundredths {
            0 => write!(out, "{whole}%"),
            _ => write!(out, "{}%", format!("{whole}.{hundredths:02}").trim_end_matches('0')),
        }
    }
}

/// Splits leading digits from what follows; there must be at least one digit.
fn split_number(text: &str) -> Result<(&str, &str), ParseError> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Err(ParseError::new("it does not begin with a number"));
    }
    Ok(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = ParseError> + ToString>(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn sizes() {
        check::<ByteSize>("4MiB", Ok("4MiB"));
        check::<ByteSize>("1024", Ok("1KiB"));
        check::<ByteSize>("1500", Ok("1500B"));
        check::<ByteSize>("5MB", Ok("5000000B"));
        check::<ByteSize>("0B", Ok("0B"));
        check::<ByteSize>("4mb", Err("`mb` is no unit; write `4MB`"));
        check::<ByteSize>("4Mi", Err("`Mi` is no unit; there are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB"));
        check::<ByteSize>("-1", Err("it does not begin with a number"));
        check::<ByteSize>("99999999999TiB", Err("the number is too large"));
    }

    #[test]
    fn rates() {
        check::<Rate>("100/s", Ok("100/s"));
        check::<Rate>("10/m", Ok("10/m"));
        check::<Rate>("100", Err("`100/s` means so many a second"));
        check::<Rate>("0/s", Err("a rate of nothing would refuse everything"));
        check::<Rate>("5/d", Err("`/d` is no span of time; there are /s, /m and /h"));
        check::<Rate>("99999999999/s", Err("the number is too large"));
    }

    #[test]
    fn percentages() {
        check::<Percent>("20%", Ok("20%"));
        check::<Percent>("0.5%", Ok("0.5%"));
        check::<Percent>("99.95%", Ok("99.95%"));
        check::<Percent>("100.00%", Ok("100%"));
        check::<Percent>("101%", Err("it is more than 100%"));
        check::<Percent>("20", Err("the sign `%` is missing"));
        check::<Percent>("0.123%", Err("a number with at most two decimals was expected before `%`"));
        check::<Percent>("-1%", Err("a number with at most two decimals was expected before `%`"));
    }
}
