//! Sending a request to an endpoint of a cluster, and to another one where that is safe.
//!
//! What was not sent may always go elsewhere (D46, K142). What was sent goes again only if its method is idempotent
//! and a copy of its body was kept (D45, K109).

use std::rc::Rc;
use std::time::Instant;

use gateway_exchange::{Body, Cause, ProxyError, Record, Replay, Response};
use gateway_upstream::{ClusterState, EndpointState, Protocol, SendError};
use policies::{Failure, Tries};

/// One call to a cluster.
#[derive(Debug)]
pub struct Call<'c> {
    /// The cluster as this worker knows it.
    pub cluster: &'c ClusterState,
    /// What an endpoint speaks that does not say so itself.
    pub protocol: Protocol,
    /// How often it may be sent.
    pub tries: Tries,
}

impl Call<'_> {
    /// Sends the request. `address` is called with each endpoint's authority to finish the head for it.
    ///
    /// # Errors
    /// [`Cause::NoEndpoint`] when there is nobody to call, else the failure of the last try.
    pub(crate) async fn send(
        &self,
        mut request: Box<http::Request<Body>>,
        record: &mut Record,
        address: impl Fn(&mut http::Request<Body>, &EndpointState),
    ) -> Result<Response, ProxyError> {
        let mut tries = self.tries;
        // Where there is nobody else to send it to, no copy is worth its price.
        let others = self.cluster.cluster().endpoints.len() > 1;
        let copy = (others && tries.may_repeat()).then(|| Copy::of(&request)).flatten();
        let mut tried: Vec<Rc<EndpointState>> = Vec::new();
        let mut last_error = None;
        loop {
            let now = Instant::now();
            let Some(endpoint) = self.cluster.pick(now, &tried) else {
                return Err(last_error.unwrap_or_else(|| self.no_endpoint()));
            };
            note(record, &endpoint);
            address(&mut request, &endpoint);
            let outcome = endpoint.send(self.protocol, request, now).await;
            tried.push(endpoint);
            request = match outcome {
                Ok(response) => {
                    match copy.as_ref().filter(|_| self.goes_on(&mut tries, Failure::Status(response.status), &tried)) {
                        Some(copy) => copy.request(),
                        None => return Ok(response),
                    }
                }
                Err(SendError { failure, unsent }) => {
                    let nothing_sent = unsent.is_some();
                    let error = SendError { failure, unsent: None }.into_proxy_error();
                    let error = if nothing_sent { error.with_nothing_sent() } else { error };
                    let again = unsent.or_else(|| copy.as_ref().map(Copy::request));
                    match again.filter(|_| self.goes_on(&mut tries, Failure::Error(&error), &tried)) {
                        Some(request) => {
                            last_error = Some(error);
                            request
                        }
                        None => return Err(error),
                    }
                }
            };
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

fn note(record: &mut Record, endpoint: &EndpointState) {
    record.tries += 1;
    record.endpoint = Some(endpoint.address());
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
