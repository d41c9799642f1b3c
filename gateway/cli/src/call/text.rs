//! Times and durations as Go prints them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns a duration of so many nanoseconds as Go's `time.Duration` prints it: `1h2m3s`, `1.5ms`, `0s`.
pub(super) fn duration(nanos: u128) -> String {
    let (unit, size) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    if unit != "s" {
        return format!("{}{unit}", decimal(nanos, size));
    }
    let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
    let seconds = decimal(rest, size);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Divides by a power of ten, without zeros at the end.
fn decimal(number: u128, size: u128) -> String {
    let (whole, rest) = (number / size, number % size);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = size.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

/// Returns seconds since the epoch as `Jan 2 15:04:05`, in the time zone of the system.
pub(super) fn month_day_time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
    time.to_zoned_datetime(TimeZone::system()).strftime("%b %-d %H:%M:%S").to_string()
}

/// Returns nanoseconds since the epoch as Go's `time.Time` prints it: `2026-11-23 23:23:44.901485627 +0000 UTC`.
pub(super) fn date_time(nanos: u64) -> String {
    let time = Timestamp::from_nanosecond(nanos.into()).unwrap_or_default();
    let zoned = time.to_zoned_datetime(TimeZone::system());
    let fraction = decimal(u128::from(nanos % 1_000_000_000), 1_000_000_000);
    let fraction = fraction.strip_prefix('0').unwrap_or_default();
    format!("{}{fraction} {}", zoned.strftime("%Y-%m-%d %H:%M:%S"), zoned.strftime("%z %Z"))
}

#[cfg(test)]
mod tests {
    use super::{date_time, duration};

    #[test]
    fn durations_are_those_of_go() {
        for (nanos, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (62_216, "62.216µs"),
            (1_792_625, "1.792625ms"),
            (100_000_000, "100ms"),
            (19_000_000_000, "19s"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_723_000_000_001, "1h2m3.000000001s"),
        ] {
            assert_eq!(duration(nanos), expected);
        }
    }

    #[test]
    fn fractions_of_a_second_have_no_zeros_at_the_end() {
        let text = date_time(1_796_000_000_907_739_780);
        assert!(text.contains(".90773978 "), "{text}");
        assert!(!date_time(1_796_000_000_000_000_000).contains('.'));
    }
}
