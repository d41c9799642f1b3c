//! A span of time: `250ms`, `1.5s`, `1m30s`.

use std::{fmt, str::FromStr};

use super::{ParseError, text_value};

/// A span of time, never negative, with nanosecond precision.
///
/// Written as numbers with units (`ns`, `us`, `ms`, `s`, `m`, `h`, `d`), added up: `1m30s`, `1.5s`. This is the
/// notation of Go's durations, which the variables of Micro v2 use, plus days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub std::time::Duration);

text_value!(
    Duration,
    BadDuration,
    "a duration",
    "`250ms`, `5s` or `1m30s`",
    r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$|^0$"
);

/// Units with their length in nanoseconds, longest first.
const UNITS: [(&str, u128); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// A hundred years: more is a slip, and sums of two such spans cannot overflow anything.
const LONGEST_NANOS: u128 = 36_525 * 86_400_000_000_000;

impl Duration {
    /// Makes a duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// Makes a duration of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(std::time::Duration::from_millis(millis))
    }

    /// Returns whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "0" {
            return Ok(Self::from_secs(0));
        }
        if text.is_empty() {
            return Err(ParseError::new("it is empty"));
        }
        let mut nanos: u128 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let (part, after) = leading_part(rest)?;
            nanos = nanos.saturating_add(part);
            rest = after;
        }
        if nanos > LONGEST_NANOS {
            return Err(ParseError::new("it is longer than a hundred years"));
        }
        let seconds = u64::try_from(nanos / 1_000_000_000).expect("a hundred years fit");
        let rest = u32::try_from(nanos % 1_000_000_000).expect("below a second");
        Ok(Self(std::time::Duration::new(seconds, rest)))
    }
}

/// Reads one number with its unit; returns its nanoseconds and what follows.
fn leading_part(text: &str) -> Result<(u128, &str), ParseError> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, mut rest) = text.split_at(digits_end);
    if whole.is_empty() {
        return Err(match text.chars().next() {
            Some('-') => ParseError::new("it is negative"),
            Some(first) => ParseError::new(format!("a number was expected at `{first}`")),
            None => ParseError::new("it is empty"),
        });
    }
    let mut fraction = "";
    if let Some(after_dot) = rest.strip_prefix('.') {
        let end = after_dot.find(|c: char| !c.is_ascii_digit()).unwrap_or(after_dot.len());
        (fraction, rest) = after_dot.split_at(end);
        if fraction.is_empty() {
            return Err(ParseError::new("digits were expected after the dot"));
        }
    }
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    if unit.is_empty() {
        return Err(ParseError::new(format!("`{whole}` has no unit; `{whole}s` are seconds")));
    }
    let Some((_, nanos_per_unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(ParseError::new(format!("`{unit}` is no unit; there are ns, us, ms, s, m, h and d")));
    };
    if whole.len() > 18 || fraction.len() > 18 {
        return Err(ParseError::new("the number has too many digits"));
    }
    let whole: u128 = whole.parse().expect("at most 18 digits");
    let mut nanos = whole.saturating_mul(*nanos_per_unit);
    if !fraction.is_empty() {
        let numerator: u128 = fraction.parse().expect("at most 18 digits");
        let scale = 10_u128.pow(u32::try_from(fraction.len()).expect("at most 18 digits"));
        nanos = nanos.saturating_add(numerator * nanos_per_unit / scale);
    }
    Ok((nanos, rest))
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return out.write_str("0s");
        }
        for (unit, length) in UNITS.iter().filter(|(unit, _)| *unit != "µs") {
            if nanos >= *length {
                write!(out, "{}{unit}", nanos / length)?;
                nanos %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<Duration>().map(|duration| duration.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn durations_are_read_and_written_in_their_canonical_form() {
        check("250ms", Ok("250ms"));
        check("90s", Ok("1m30s"));
        check("1.5s", Ok("1s500ms"));
        check("1h0m0s", Ok("1h"));
        check("36h", Ok("1d12h"));
        check("10µs", Ok("10us"));
        check("0", Ok("0s"));
        check("0ms", Ok("0s"));
    }

    #[test]
    fn what_is_no_duration_says_why() {
        check("", Err("it is empty"));
        check("5", Err("`5` has no unit; `5s` are seconds"));
        check("-1s", Err("it is negative"));
        check("5 s", Err("` s` is no unit; there are ns, us, ms, s, m, h and d"));
        check("5sec", Err("`sec` is no unit; there are ns, us, ms, s, m, h and d"));
        check("s", Err("a number was expected at `s`"));
        check("1.s", Err("digits were expected after the dot"));
        check("99999999999999999999s", Err("the number has too many digits"));
        check("40000d", Err("it is longer than a hundred years"));
    }
}
