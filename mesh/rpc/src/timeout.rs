//! The three headers that carry a time limit: gRPC's `grpc-timeout`, go-micro's `timeout` (nanoseconds) and the
//! `Timeout` that HTTP clients send to the gateway (seconds).

use std::time::Duration;

use http::HeaderName;

/// gRPC's header: at most eight digits and a unit.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// go-micro's header between services, in nanoseconds; and the one of HTTP clients, in seconds.
pub const TIMEOUT: HeaderName = HeaderName::from_static("timeout");

/// The units of `grpc-timeout` with their nanoseconds, finest first.
const UNITS: [(char, u64); 6] =
    [('n', 1), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000), ('M', 60_000_000_000), ('H', 3_600_000_000_000)];

/// The largest number that eight digits hold.
const NUMBER_MAX: u128 = 99_999_999;

/// Writes a `grpc-timeout`: the finest unit that eight digits hold, rounded up as Go does.
///
/// A time beyond 99,999,999 hours is written as that.
pub fn encode_grpc(timeout: Duration) -> String {
    let nanos = timeout.as_nanos();
    for (unit, size) in UNITS {
        let number = nanos.div_ceil(u128::from(size));
        if number <= NUMBER_MAX {
            return format!("{number}{unit}");
        }
    }
    format!("{NUMBER_MAX}H")
}

/// Reads a `grpc-timeout`; `None` when it is malformed (gRPC over HTTP/2, "Timeout").
pub fn parse_grpc(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (_, size) = UNITS.into_iter().find(|(letter, _)| unit.starts_with(*letter))?;
    let number = digits.parse::<u64>().ok()?;
    // Eight digits of hours exceed 64 bits of nanoseconds.
    Some(Duration::from_nanos(size).saturating_mul(u32::try_from(number).ok()?))
}

/// Writes go-micro's `timeout`: nanoseconds, at most 2⁶³−1 as Go reads them.
pub fn encode_nanos(timeout: Duration) -> String {
    timeout.as_nanos().min(u128::from(i64::MAX.unsigned_abs())).to_string()
}

/// Reads go-micro's `timeout`: an unsigned decimal number of nanoseconds; anything else is ignored, as in Go.
pub fn parse_nanos(value: &str) -> Option<Duration> {
    digits(value).map(Duration::from_nanos)
}

/// Reads the `Timeout` of an HTTP client: whole seconds, more than zero; anything else is ignored.
///
/// The caller applies its own maximum.
pub fn parse_seconds(value: &str) -> Option<Duration> {
    digits(value.trim()).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// A number without sign: `u64::from_str` alone would take `+5`.
fn digits(value: &str) -> Option<u64> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{encode_grpc, encode_nanos, parse_grpc, parse_nanos, parse_seconds};

    #[track_caller]
    fn check_encode(timeout: Duration, expected: &str) {
        assert_eq!(encode_grpc(timeout), expected);
    }

    #[test]
    fn grpc_timeouts_take_the_finest_unit_that_fits() {
        check_encode(Duration::ZERO, "0n");
        check_encode(Duration::from_nanos(99_999_999), "99999999n");
        check_encode(Duration::from_nanos(100_000_001), "100001u");
        check_encode(Duration::from_secs(5), "5000000u");
        check_encode(Duration::from_secs(100), "100000m");
        check_encode(Duration::MAX, "99999999H");
    }

    #[test]
    fn grpc_timeouts_are_read_strictly() {
        for (text, expected) in [
            ("4999874u", Some(Duration::from_micros(4_999_874))),
            ("1n", Some(Duration::from_nanos(1))),
            ("7m", Some(Duration::from_millis(7))),
            ("2S", Some(Duration::from_secs(2))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999H", Some(Duration::from_hours(99_999_999))),
            ("100000000n", None),
            ("5", None),
            ("n", None),
            ("", None),
            ("-5S", None),
            ("+5S", None),
            ("5s", None),
            ("5ž", None),
        ] {
            assert_eq!(parse_grpc(text), expected, "{text}");
        }
    }

    #[test]
    fn nanoseconds_and_seconds() {
        assert_eq!(encode_nanos(Duration::from_secs(5)), "5000000000");
        assert_eq!(encode_nanos(Duration::MAX), "9223372036854775807");
        assert_eq!(parse_nanos("5000000000"), Some(Duration::from_secs(5)));
        assert_eq!(parse_seconds(" 2 "), Some(Duration::from_secs(2)));
        for text in ["", "soon", "-1", "+1", "1.5", "99999999999999999999"] {
            assert_eq!(parse_nanos(text), None, "{text}");
            assert_eq!(parse_seconds(text), None, "{text}");
        }
        assert_eq!(parse_seconds("0"), None);
    }
}
