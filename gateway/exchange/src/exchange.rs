//! The exchange: what is known of one request while it is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;

use crate::{Body, Cause, Head, Response};

/// A hundred years, the longest duration of the document: a client may ask for more time than an [`Instant`] can hold.
const TOTAL_MAX: Duration = Duration::from_secs(36_525 * 86_400);

/// When an exchange must have ended, over all tries (design 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    at: Instant,
    total: Duration,
}

impl Deadline {
    /// Fixes the deadline `total` after `start`; more than a hundred years count as these.
    pub fn after(start: Instant, total: Duration) -> Self {
        let total = total.min(TOTAL_MAX);
        Self { at: start + total, total }
    }

    /// Returns the instant at which it passes.
    pub fn at(self) -> Instant {
        self.at
    }

    /// Returns the whole time that was granted, for error texts and for the `timeout` header of an RPC.
    pub fn total(self) -> Duration {
        self.total
    }

    /// Returns what is left at `now`; zero once it has passed.
    pub fn left(self, now: Instant) -> Duration {
        self.at.saturating_duration_since(now)
    }

    /// Returns the earlier of two deadlines.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}

/// What a policy decided about a request.
#[derive(Debug)]
pub enum Verdict {
    /// Go on with the next policy, then the handler.
    Continue,
    /// Answer with this; no handler runs.
    Respond(Box<Response>),
}

/// Who sent a request: made once per connection, so that its text is not written for each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address.
    pub address: SocketAddr,
    /// The IP address as text; an IPv4 address mapped into IPv6 as IPv4.
    pub text: HeaderValue,
}

impl Peer {
    /// Takes the address of a peer.
    pub fn new(address: SocketAddr) -> Self {
        let text = HeaderValue::try_from(address.ip().to_canonical().to_string());
        Self { address, text: text.unwrap_or(HeaderValue::from_static("unknown")) }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::new(address)
    }
}

impl From<([u8; 4], u16)> for Peer {
    fn from(address: ([u8; 4], u16)) -> Self {
        Self::new(address.into())
    }
}

/// What the access record and the metrics will say. Filled in as the exchange goes on; texts are shared with what they
/// name.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The request id: the client's, or ours.
    pub request_id: Option<HeaderValue>,
    /// The name of the route that matched.
    pub route: Option<Arc<str>>,
    /// The cluster that was called.
    pub cluster: Option<Arc<str>>,
    /// The RPC method that was called.
    pub method: Option<Box<str>>,
    /// The address of the endpoint that answered, or of the last that was tried.
    pub endpoint: Option<SocketAddr>,
    /// How many times an endpoint was tried.
    pub tries: u32,
    /// Why it ended as it did, if not well.
    pub cause: Option<Cause>,
}

/// One request being served.
#[derive(Debug)]
pub struct Exchange {
    /// The request's head.
    pub head: Head,
    /// The request's body.
    pub body: Body,
    /// Who sent it.
    pub peer: Peer,
    /// When it arrived.
    pub start: Instant,
    /// When it must have ended; nothing for a plain proxied stream without a timeout.
    pub deadline: Option<Deadline>,
    /// The connection, if the client asked to upgrade it.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
    /// What will be recorded.
    pub record: Record,
}

impl Exchange {
    /// Makes an exchange of a request that has just arrived.
    pub fn new(head: Head, body: Body, peer: Peer, start: Instant) -> Self {
        Self { head, body, peer, start, deadline: None, upgrade: None, record: Record::default() }
    }

    /// Shortens the deadline to `total` after the start; a longer one changes nothing.
    pub fn limit_time(&mut self, total: Duration) {
        let next = Deadline::after(self.start, total);
        self.deadline = Some(self.deadline.map_or(next, |deadline| deadline.min(next)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_only_shrinks() {
        let start = Instant::now();
        let head = Head::parse("GET http://h/", &[]).unwrap();
        let mut exchange = Exchange::new(head, Body::empty(), ([127, 0, 0, 1], 1).into(), start);
        exchange.limit_time(Duration::from_secs(5));
        exchange.limit_time(Duration::from_secs(9));
        assert_eq!(exchange.deadline.unwrap().total(), Duration::from_secs(5));
        exchange.limit_time(Duration::from_secs(1));
        assert_eq!(exchange.deadline.unwrap().left(start), Duration::from_secs(1));
        assert_eq!(exchange.deadline.unwrap().left(start + Duration::from_secs(2)), Duration::ZERO);
    }

    #[test]
    fn a_deadline_beyond_all_time_is_one() {
        let start = Instant::now();
        for total in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(99_999_999_999)] {
            assert_eq!(Deadline::after(start, total), Deadline::after(start, TOTAL_MAX), "{total:?}");
        }
    }
}
