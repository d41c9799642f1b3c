//! Sending a request to an endpoint of a cluster, and to another one where that is safe.
//!
//! What was not sent may always go elsewhere (D46, K142). What was sent goes again only if its method is idempotent
//! and it can be had once more: a body that is streamed only if a copy of it was kept (D45, K109).

mod streamed;

pub(crate) use streamed::Streamed;

use std::rc::Rc;
use std::time::Instant;

use gateway_exchange::{Body, Cause, ProxyError, Record, Response};
use gateway_upstream::{ClusterState, EndpointState, Protocol, SendError};
use policies::{Failure, Tries};

/// One call to a cluster.
#[derive(Debug)]
pub(crate) struct Call<'c> {
    /// The cluster as this worker knows it.
    pub cluster: &'c ClusterState,
    /// What an endpoint speaks that does not say so itself.
    pub protocol: Protocol,
    /// How often it may be sent.
    pub tries: Tries,
}

/// What a call sends: a request made for the endpoint that gets it.
pub(crate) trait Outgoing {
    /// Returns the request for an endpoint, which speaks `protocol`.
    ///
    /// # Errors
    /// When it cannot be said in that protocol.
    fn request(&mut self, endpoint: &EndpointState, protocol: Protocol)
    -> Result<Box<http::Request<Body>>, ProxyError>;

    /// Takes back what was not sent, where nothing was. Returns whether there can be another request.
    fn recover(&mut self, unsent: Option<Box<http::Request<Body>>>) -> bool;
}

/// An answer, and what the endpoint speaks that gave it.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) protocol: Protocol,
}

impl Call<'_> {
    /// Sends the request.
    ///
    /// # Errors
    /// [`Cause::NoEndpoint`] when there is nobody to call, else the failure of the last try.
    pub(crate) async fn send(
        &self,
        outgoing: &mut (impl Outgoing + ?Sized),
        record: &mut Record,
    ) -> Result<Answer, ProxyError> {
        let mut tries = self.tries;
        let mut tried: Vec<Rc<EndpointState>> = Vec::new();
        let mut last_error = None;
        loop {
            let now = Instant::now();
            let Some(endpoint) = self.cluster.pick(now, &tried) else {
                return Err(last_error.unwrap_or_else(|| self.no_endpoint()));
            };
            note(record, &endpoint);
            let protocol = endpoint.protocol(self.protocol);
            let request = outgoing.request(&endpoint, protocol)?;
            let outcome = endpoint.send(protocol, request, now).await;
            tried.push(endpoint);
            match outcome {
                Ok(response) => {
                    let failure = Failure::Status(response.status);
                    if !(self.goes_on(&mut tries, failure, &tried) && outgoing.recover(None)) {
                        return Ok(Answer { response, protocol });
                    }
                }
                Err(error) => {
                    let (error, unsent) = into_parts(error);
                    if !(self.goes_on(&mut tries, Failure::Error(&error), &tried) && outgoing.recover(unsent)) {
                        return Err(error);
                    }
                    last_error = Some(error);
                }
            }
        }
    }

    /// Returns whether another try is allowed and another endpoint is left for it.
    fn goes_on(&self, tries: &mut Tries, failure: Failure<'_>, tried: &[Rc<EndpointState>]) -> bool {
        tries.again(failure) && tried.len() < self.cluster.cluster().endpoints.len()
    }

    fn no_endpoint(&self) -> ProxyError {
        let detail = format!("service {} has no endpoint", self.cluster.cluster().id);
        ProxyError::new(Cause::NoEndpoint, detail)
    }
}

fn into_parts(error: SendError) -> (ProxyError, Option<Box<http::Request<Body>>>) {
    let SendError { failure, unsent } = error;
    let error = SendError { failure, unsent: None }.into_proxy_error();
    (if unsent.is_some() { error.with_nothing_sent() } else { error }, unsent)
}

fn note(record: &mut Record, endpoint: &EndpointState) {
    record.tries += 1;
    record.endpoint = Some(endpoint.address());
}
