//! The policy `retry`: which failed tries are followed by another one (D45).

use std::fmt;

use gateway_exchange::{Cause, Head, ProxyError};
use http::StatusCode;

/// Further tries after one that failed. A shaper: the innermost replaces the others.
///
/// What may be tried again: a request of which nothing was sent, whatever its method; and one that may have been
/// processed only where its method is idempotent (RFC 9110 §9.2.2). The "once more on 408 and 500" of v2 is that of its
/// CLI and SDK, not the gateway's (design 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry {
    /// How many further tries at most, after the first.
    pub attempts: u8,
    /// After an endpoint that could not be reached or took nothing.
    pub on_connect: bool,
    /// After a connection that broke before the response; idempotent methods only.
    pub on_reset: bool,
    /// After a 502, 503 or 504 of the endpoint; idempotent methods only.
    pub on_unavailable: bool,
}

/// How a try failed.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'f> {
    /// No response came.
    Error(&'f ProxyError),
    /// The endpoint answered with this status.
    Status(StatusCode),
}

/// The tries of one exchange. Counts; sending, the choice of another endpoint and the copy of the body are the
/// handler's, as is the deadline, which covers all tries.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    retry: Retry,
    idempotent: bool,
    made: u32,
}

impl Retry {
    /// What holds where no policy says otherwise: one further try, after a failed connection or a reset (line 142 of
    /// spec/gateway 12).
    pub const DEFAULT: Self = Self { attempts: 1, on_connect: true, on_reset: true, on_unavailable: false };

    /// No further try.
    pub const NEVER: Self = Self { attempts: 0, on_connect: false, on_reset: false, on_unavailable: false };

    /// Starts counting the tries of a request.
    pub fn tries(self, head: &Head) -> Tries {
        Tries { retry: self, idempotent: head.method().is_idempotent(), made: 0 }
    }

    fn covers(self, failure: Failure<'_>, idempotent: bool) -> bool {
        match failure {
            Failure::Error(error) => match error.cause() {
                Cause::ConnectRefused | Cause::ConnectTimeout => self.on_connect,
                Cause::UpstreamReset if error.nothing_sent() => self.on_connect,
                Cause::UpstreamReset => self.on_reset && idempotent,
                _ => false,
            },
            Failure::Status(
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
            ) => self.on_unavailable && idempotent,
            Failure::Status(_) => false,
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = [(self.on_connect, "connect"), (self.on_reset, "reset"), (self.on_unavailable, "unavailable")];
        let on: Vec<_> = on.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        write!(
            f,
            "up to {} more, on {}",
            self.attempts,
            if on.is_empty() { "nothing".to_owned() } else { on.join(", ") }
        )
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Tries {
    /// Counts a try that failed; returns whether another one may follow.
    pub fn again(&mut self, failure: Failure<'_>) -> bool {
        self.made += 1;
        self.made <= u32::from(self.retry.attempts) && self.retry.covers(failure, self.idempotent)
    }

    /// Returns whether a second try can come to pass at all: if not, no copy of the body need be kept.
    pub fn may_repeat(&self) -> bool {
        self.retry.attempts > 0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ALL: Retry = Retry { attempts: 1, on_connect: true, on_reset: true, on_unavailable: true };

    fn error(cause: Cause) -> ProxyError {
        ProxyError::new(cause, "failed")
    }

    #[rstest]
    #[case::refused_get(Retry::DEFAULT, "GET", error(Cause::ConnectRefused), true)]
    #[case::refused_post(Retry::DEFAULT, "POST", error(Cause::ConnectRefused), true)]
    #[case::connect_timeout_post(Retry::DEFAULT, "POST", error(Cause::ConnectTimeout), true)]
    #[case::reset_get(Retry::DEFAULT, "GET", error(Cause::UpstreamReset), true)]
    #[case::reset_put(Retry::DEFAULT, "PUT", error(Cause::UpstreamReset), true)]
    #[case::reset_post(Retry::DEFAULT, "POST", error(Cause::UpstreamReset), false)]
    #[case::reset_patch(Retry::DEFAULT, "PATCH", error(Cause::UpstreamReset), false)]
    #[case::nothing_sent_post(Retry::DEFAULT, "POST", error(Cause::UpstreamReset).with_nothing_sent(), true)]
    #[case::deadline(ALL, "GET", error(Cause::DeadlineExceeded).with_nothing_sent(), false)]
    #[case::service_error(ALL, "GET", error(Cause::UpstreamError), false)]
    #[case::no_endpoint(ALL, "GET", error(Cause::NoEndpoint), false)]
    #[case::protocol(ALL, "GET", error(Cause::UpstreamProtocol), false)]
    #[case::never(Retry::NEVER, "GET", error(Cause::ConnectRefused), false)]
    #[case::only_reset(Retry { on_connect: false, ..ALL }, "GET", error(Cause::ConnectRefused), false)]
    #[case::only_connect(Retry { on_reset: false, ..ALL }, "GET", error(Cause::UpstreamReset), false)]
    fn errors(#[case] retry: Retry, #[case] method: &str, #[case] error: ProxyError, #[case] expected: bool) {
        let head = Head::parse(&format!("{method} http://h/"), &[]).unwrap();
        assert_eq!(retry.tries(&head).again(Failure::Error(&error)), expected);
    }

    #[rstest]
    #[case(ALL, "GET", 502, true)]
    #[case(ALL, "DELETE", 503, true)]
    #[case(ALL, "HEAD", 504, true)]
    #[case(ALL, "POST", 503, false)]
    #[case(ALL, "GET", 500, false)]
    #[case(ALL, "GET", 429, false)]
    #[case(Retry::DEFAULT, "GET", 503, false)]
    fn statuses(#[case] retry: Retry, #[case] method: &str, #[case] status: u16, #[case] expected: bool) {
        let head = Head::parse(&format!("{method} http://h/"), &[]).unwrap();
        let failure = Failure::Status(StatusCode::from_u16(status).unwrap());
        assert_eq!(retry.tries(&head).again(failure), expected);
    }

    #[test]
    fn tries_are_counted() {
        let head = Head::parse("POST http://h/", &[]).unwrap();
        let refused = error(Cause::ConnectRefused);
        let mut tries = Retry { attempts: 2, ..Retry::DEFAULT }.tries(&head);
        let again: Vec<_> = (0..4).map(|_| tries.again(Failure::Error(&refused))).collect();
        assert_eq!(again, [true, true, false, false]);
        assert!(tries.may_repeat() && !Retry::NEVER.tries(&head).may_repeat());
    }
}
