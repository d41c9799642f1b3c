//! The policy `limits`: bounds on a request that are tighter than the listener's.

use std::fmt;

use gateway_exchange::{Cause, Exchange, ProxyError};
use http::header::CONTENT_LENGTH;

/// Bounds on a request. A guard: the smallest of listener, route and service holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    body: u64,
}

impl Limits {
    /// Makes a bound on the body, in bytes.
    pub fn body(bytes: u64) -> Self {
        Self { body: bytes }
    }

    /// Returns the most bytes a request's body may have.
    pub fn body_bytes_max(self) -> u64 {
        self.body
    }

    pub(crate) fn min(self, other: Self) -> Self {
        Self { body: self.body.min(other.body) }
    }

    /// Bounds the body of the request, however it is framed.
    ///
    /// # Errors
    /// Refuses at once, with 413, a body whose stated length is too large (D42). One that turns out to be too large
    /// fails where it is read.
    pub fn on_request(self, exchange: &mut Exchange) -> Result<(), ProxyError> {
        exchange.body.limit(self.body);
        let stated = exchange.head.text(&CONTENT_LENGTH).and_then(|text| text.trim().parse::<u64>().ok());
        match stated {
            Some(stated) if stated > exchange.body.bytes_max() => {
                let limit = exchange.body.bytes_max();
                Err(ProxyError::new(Cause::BodyTooLarge, format!("the body is larger than {limit} bytes")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body up to {} bytes", self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::exchange;

    #[test]
    fn stated_lengths_are_checked_at_once() {
        let check = |stated: &str, listener: u64, expected: Option<&str>| {
            let mut exchange = exchange("POST http://h/", &[("content-length", stated)]);
            exchange.body.limit(listener);
            let refused = Limits::body(10).on_request(&mut exchange).err();
            assert!(refused.as_ref().is_none_or(|error| error.cause() == Cause::BodyTooLarge));
            assert_eq!(refused.as_ref().map(ProxyError::detail), expected, "{stated}");
            assert_eq!(exchange.body.bytes_max(), listener.min(10));
        };
        check("10", 100, None);
        check("11", 100, Some("the body is larger than 10 bytes"));
        check("10", 5, Some("the body is larger than 5 bytes"));
        check("18446744073709551615", 100, Some("the body is larger than 10 bytes"));
    }
}
