//! A request whose body streams through: it is made once, and once more only from a copy.

use gateway_exchange::{Body, Cause, ProxyError, Replay};
use gateway_upstream::{ClusterState, EndpointState, Protocol};
use policies::Tries;

use super::Outgoing;

/// A request that is passed on. `address` finishes its head for the endpoint that gets it.
pub(crate) struct Streamed<A> {
    request: Option<Box<http::Request<Body>>>,
    copy: Option<Copy>,
    address: A,
}

impl<A: Fn(&mut http::Request<Body>, &EndpointState)> Streamed<A> {
    /// Keeps a copy where it may be needed: where there is nobody else to send it to, none is worth its price.
    pub(crate) fn new(request: Box<http::Request<Body>>, cluster: &ClusterState, tries: Tries, address: A) -> Self {
        let others = cluster.cluster().endpoints.len() > 1;
        let copy = (others && tries.may_repeat()).then(|| Copy::of(&request)).flatten();
        Self { request: Some(request), copy, address }
    }
}

impl<A: Fn(&mut http::Request<Body>, &EndpointState)> Outgoing for Streamed<A> {
    fn request(&mut self, endpoint: &EndpointState, _: Protocol) -> Result<Box<http::Request<Body>>, ProxyError> {
        let request = self.request.take().or_else(|| self.copy.as_ref().map(Copy::request));
        let mut request = request.ok_or_else(|| ProxyError::new(Cause::Internal, "there is no request to send"))?;
        (self.address)(&mut request, endpoint);
        Ok(request)
    }

    fn recover(&mut self, unsent: Option<Box<http::Request<Body>>>) -> bool {
        self.request = unsent;
        self.request.is_some() || self.copy.is_some()
    }
}

/// What is needed to send a request again.
struct Copy {
    head: http::Request<()>,
    body: Replay,
}

impl Copy {
    fn of(request: &http::Request<Body>) -> Option<Self> {
        let body = request.body().replay()?;
        let mut head = http::Request::new(());
        head.method_mut().clone_from(request.method());
        head.uri_mut().clone_from(request.uri());
        *head.version_mut() = request.version();
        head.headers_mut().clone_from(request.headers());
        Some(Self { head, body })
    }

    fn request(&self) -> Box<http::Request<Body>> {
        Box::new(self.head.clone().map(|()| Body::from(self.body.clone())))
    }
}
