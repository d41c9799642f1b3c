//! The policy `timeout`: one deadline over all tries, from the arrival of the request.

use std::fmt;
use std::time::Duration;

use gateway_exchange::Exchange;

/// A deadline. A guard: the shortest of listener, route and service holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timeout {
    total: Duration,
}

impl Timeout {
    /// Makes a timeout; nothing for no time at all, which would refuse every request.
    pub fn new(total: Duration) -> Option<Self> {
        (!total.is_zero()).then_some(Self { total })
    }

    /// Returns the time granted, counted from the arrival of the request.
    pub fn total(self) -> Duration {
        self.total
    }

    /// Shortens the exchange's deadline. An earlier one, such as that of the listener, stays.
    pub fn on_request(self, exchange: &mut Exchange) {
        exchange.limit_time(self.total);
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::exchange;

    #[test]
    fn the_earlier_deadline_stays() {
        let check = |before: Option<u64>, own: u64, expected: u64| {
            let mut exchange = exchange("GET http://h/", &[]);
            if let Some(seconds) = before {
                exchange.limit_time(Duration::from_secs(seconds));
            }
            Timeout::new(Duration::from_secs(own)).unwrap().on_request(&mut exchange);
            assert_eq!(exchange.deadline.unwrap().total(), Duration::from_secs(expected));
        };
        check(None, 5, 5);
        check(Some(9), 5, 5);
        check(Some(2), 5, 2);
        assert_eq!(Timeout::new(Duration::ZERO), None);
    }
}
