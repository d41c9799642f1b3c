//! How long a registration lasts: the parameter `ttl` of a `PUT`.

use std::time::Duration;

/// What a registration that names no time to live gets, unless [`super::serve`] is told otherwise.
pub const TTL_DEFAULT: Duration = Duration::from_mins(1);
/// The shortest time to live; a shorter one could not be kept alive over a network.
pub const TTL_MIN: Duration = Duration::from_secs(1);
/// The longest time to live; a node that died is offered for that long.
pub const TTL_MAX: Duration = Duration::from_hours(24);

/// Why a query does not say how long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TtlError {
    #[error("`ttl` is {0:?}, expected a duration such as 30s, 500ms or 1m30s")]
    NotADuration(String),
    #[error("`ttl` is {0:?}, expected 1s to 24h")]
    OutOfRange(String),
    #[error("unknown parameter {0:?}, the only one is `ttl`")]
    UnknownParameter(String),
}

/// Reads the query of a `PUT`; `default` where it does not say.
pub(super) fn of_query(query: Option<&str>, default: Duration) -> Result<Duration, TtlError> {
    let mut ttl = default;
    for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        let Some(("ttl", text)) = parameter.split_once('=') else {
            return Err(TtlError::UnknownParameter(parameter.to_owned()));
        };
        ttl = parse(text).ok_or_else(|| TtlError::NotADuration(text.to_owned()))?;
        if !(TTL_MIN..=TTL_MAX).contains(&ttl) {
            return Err(TtlError::OutOfRange(text.to_owned()));
        }
    }
    Ok(ttl)
}

/// Reads whole numbers with units, largest or smallest first: `1m30s`.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|character: char| !character.is_ascii_digit())?);
        let (unit, next) =
            after.split_at(after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len()));
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let part = Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(millis)?);
        total = total.checked_add(part)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{TTL_DEFAULT, TtlError, of_query};

    #[track_caller]
    fn check(query: &str, expected: Result<Duration, &str>) {
        let result = of_query(Some(query), TTL_DEFAULT).map_err(|error| TtlError::to_string(&error));
        assert_eq!(result.as_ref().map_err(String::as_str), expected.as_ref().map_err(|text| *text), "{query}");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(of_query(None, Duration::from_secs(7)), Ok(Duration::from_secs(7)));
        check("", Ok(TTL_DEFAULT));
        check("ttl=30s", Ok(Duration::from_secs(30)));
        check("ttl=1500ms", Ok(Duration::from_millis(1500)));
        check("ttl=1m30s", Ok(Duration::from_secs(90)));
        check("ttl=24h", Ok(Duration::from_hours(24)));
        check("&ttl=1s&", Ok(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_duration_or_too_short_or_long_is_refused() {
        for text in ["", "30", "s", "1d", "-1s", "1.5s", "1s2", "99999999999999999999s", "1s%20"] {
            let expected = format!("`ttl` is {text:?}, expected a duration such as 30s, 500ms or 1m30s");
            check(&format!("ttl={text}"), Err(&expected));
        }
        for text in ["0s", "999ms", "24h1ms", "9999999999999999h"] {
            let result = of_query(Some(&format!("ttl={text}")), TTL_DEFAULT);
            assert!(matches!(result, Err(TtlError::OutOfRange(_) | TtlError::NotADuration(_))), "{text}");
        }
        check("tll=30s", Err("unknown parameter \"tll=30s\", the only one is `ttl`"));
        check("ttl", Err("unknown parameter \"ttl\", the only one is `ttl`"));
    }
}
