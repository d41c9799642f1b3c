//! One of each policy: run in the fixed order, merged over the levels.

use gateway_exchange::{Exchange, Head, ProxyError, Response, Verdict};

use crate::{Cors, Headers, Limits, PolicyKind, REQUEST_ORDER, RESPONSE_ORDER, Retry, Timeout, Tries};

/// The policies of a listener, a route, a service, or of all of them merged. Fields stand in the order in which they
/// run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policies {
    /// One deadline over all tries.
    pub timeout: Option<Timeout>,
    /// Bounds on the request.
    pub limits: Option<Limits>,
    /// Which web pages of other origins may call.
    pub cors: Option<Cors>,
    /// Headers that are removed, set and added.
    pub headers: Option<Headers>,
    /// Further tries after one that failed.
    pub retry: Option<Retry>,
}

impl Policies {
    /// Merges levels, the outermost first: listener, route, service, and on each level its sets in the order in which
    /// they are named. Guards add up, shapers replace ([`PolicyKind::merging`]).
    pub fn merge<'p>(levels: impl IntoIterator<Item = &'p Self>) -> Self {
        levels.into_iter().fold(Self::default(), |outer, inner| {
            // All fields by name, so that a new policy cannot be forgotten here.
            let Self { timeout, limits, cors, headers, retry } = inner;
            Self {
                timeout: guard(outer.timeout, *timeout, Timeout::min),
                limits: guard(outer.limits, *limits, Limits::min),
                cors: shaper(outer.cors, cors.as_ref()),
                headers: shaper(outer.headers, headers.as_ref()),
                retry: shaper(outer.retry, retry.as_ref()),
            }
        })
    }

    /// Runs the policies of the request, in [`REQUEST_ORDER`].
    ///
    /// # Errors
    /// Ends at the first policy that refuses the request. Its error becomes a response like any other: what it did
    /// before (the deadline) stays.
    pub fn on_request(&self, exchange: &mut Exchange) -> Result<Verdict, ProxyError> {
        for kind in REQUEST_ORDER {
            if let Verdict::Respond(response) = self.request_step(*kind, exchange)? {
                return Ok(Verdict::Respond(response));
            }
        }
        Ok(Verdict::Continue)
    }

    /// Runs the policies of the response, in [`RESPONSE_ORDER`]. Answers of handlers and of policies, refusals and
    /// errors all pass here.
    pub fn on_response(&self, exchange: &Exchange, response: &mut Response) {
        for kind in RESPONSE_ORDER {
            self.response_step(*kind, exchange, response);
        }
    }

    /// Starts counting the tries of a request, by the policy `retry` or its default.
    pub fn tries(&self, head: &Head) -> Tries {
        self.retry.unwrap_or_default().tries(head)
    }

    /// Returns the kinds that are set, in the order of the request.
    pub fn kinds(&self) -> impl Iterator<Item = PolicyKind> {
        REQUEST_ORDER.iter().copied().filter(|kind| match kind {
            PolicyKind::Timeout => self.timeout.is_some(),
            PolicyKind::Limits => self.limits.is_some(),
            PolicyKind::Cors => self.cors.is_some(),
            PolicyKind::Headers => self.headers.is_some(),
            PolicyKind::Retry => self.retry.is_some(),
        })
    }

    /// Returns what a policy is set to, in words; empty where it is not set. Values that may be secret are left out.
    pub fn setting(&self, kind: PolicyKind) -> String {
        fn words(policy: Option<impl ToString>) -> String {
            policy.map(|policy| policy.to_string()).unwrap_or_default()
        }
        match kind {
            PolicyKind::Timeout => words(self.timeout),
            PolicyKind::Limits => words(self.limits),
            PolicyKind::Cors => words(self.cors.as_ref()),
            PolicyKind::Headers => words(self.headers.as_ref()),
            PolicyKind::Retry => words(self.retry),
        }
    }

    fn request_step(&self, kind: PolicyKind, exchange: &mut Exchange) -> Result<Verdict, ProxyError> {
        match kind {
            PolicyKind::Timeout => self.timeout.iter().for_each(|timeout| timeout.on_request(exchange)),
            PolicyKind::Limits => self.limits.map_or(Ok(()), |limits| limits.on_request(exchange))?,
            PolicyKind::Cors => {
                return Ok(self.cors.as_ref().map_or(Verdict::Continue, |cors| cors.on_request(exchange)));
            }
            PolicyKind::Headers => self.headers.iter().for_each(|headers| headers.on_request(exchange)),
            // The tries are made by the handler, which comes last: `Policies::tries`.
            PolicyKind::Retry => {}
        }
        Ok(Verdict::Continue)
    }

    fn response_step(&self, kind: PolicyKind, exchange: &Exchange, response: &mut Response) {
        match kind {
            PolicyKind::Headers => self.headers.iter().for_each(|headers| headers.on_response(response)),
            PolicyKind::Cors => self.cors.iter().for_each(|cors| cors.on_response(exchange, response)),
            PolicyKind::Timeout | PolicyKind::Limits | PolicyKind::Retry => {}
        }
    }
}

fn guard<T>(outer: Option<T>, inner: Option<T>, smaller: fn(T, T) -> T) -> Option<T> {
    match (outer, inner) {
        (Some(outer), Some(inner)) => Some(smaller(outer, inner)),
        (outer, inner) => outer.or(inner),
    }
}

fn shaper<T: Clone>(outer: Option<T>, inner: Option<&T>) -> Option<T> {
    inner.cloned().or(outer)
}

#[cfg(test)]
pub(crate) mod tests;
