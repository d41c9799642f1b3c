//! One endpoint as one worker knows it: its pools, its load, whether it is ejected.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gateway_exchange::{Body, Cause, Response};

use crate::balance::Load;
use crate::pool::{h1, h2};
use crate::{Endpoint, Ewma, PoolSettings, Protocol, SendError};

/// How long an endpoint is left out after a failed connection; doubled each time up to the maximum.
const EJECTION_MIN: Duration = Duration::from_secs(1);
const EJECTION_MAX: Duration = Duration::from_secs(30);
/// The least latency that a failed call counts as: an endpoint that resets at once must not look fast.
const FAILURE_LATENCY: Duration = Duration::from_secs(1);

/// What is known of an endpoint. Carried over to the next table while address and pool settings stay the same.
pub struct EndpointState {
    endpoint: RefCell<Rc<Endpoint>>,
    h1: Rc<h1::Pool>,
    h2: Rc<h2::Pool>,
    settings: PoolSettings,
    ewma: Cell<Ewma>,
    in_flight: Cell<u32>,
    calls: Cell<u64>,
    failures: Cell<u64>,
    ejected_until: Cell<Option<Instant>>,
    ejections: Cell<u32>,
    /// Whether a connection was refused since somebody asked.
    refused: Cell<bool>,
}

/// Figures of one endpoint on one worker, for the admin pages and for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointReport {
    /// The address.
    pub address: String,
    /// Idle HTTP/1.1 connections.
    pub idle_connections: usize,
    /// Open HTTP/2 connections.
    pub h2_connections: usize,
    /// Calls being made.
    pub in_flight: u32,
    /// Calls made so far.
    pub calls: u64,
    /// Calls that failed on the way.
    pub failures: u64,
    /// Latency as the balancer sees it.
    pub latency: Duration,
    /// Whether it is left out at the moment.
    pub ejected: bool,
}

/// Counts one call in flight until it is dropped. One that is dropped before it has ended was cut, by its deadline or
/// its client: the balancer learns how long it had taken by then, else an endpoint that never answers would be the
/// cheapest of all.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Rc<EndpointState>,
    since: Instant,
    ended: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.in_flight.set(self.endpoint.in_flight.get().saturating_sub(1));
        if !self.ended {
            let now = Instant::now();
            self.endpoint.observe(now.saturating_duration_since(self.since), now);
        }
    }
}

impl EndpointState {
    pub(crate) fn new(endpoint: Endpoint, settings: PoolSettings) -> Rc<Self> {
        Rc::new(Self {
            endpoint: RefCell::new(Rc::new(endpoint)),
            h1: h1::Pool::new(settings),
            h2: h2::Pool::new(settings),
            settings,
            ewma: Cell::default(),
            in_flight: Cell::new(0),
            calls: Cell::new(0),
            failures: Cell::new(0),
            ejected_until: Cell::new(None),
            ejections: Cell::new(0),
            refused: Cell::new(false),
        })
    }

    /// Returns whether this state may serve an endpoint of the next table.
    pub(crate) fn fits(&self, endpoint: &Endpoint, settings: PoolSettings) -> bool {
        self.settings == settings && self.endpoint.borrow().address == endpoint.address
    }

    /// Takes the endpoint's new labels, weight and protocol.
    pub(crate) fn renew(&self, endpoint: Endpoint) {
        self.endpoint.replace(Rc::new(endpoint));
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.borrow().address
    }

    /// Returns what the endpoint speaks; `otherwise` where it does not say so itself.
    pub fn protocol(&self, otherwise: Protocol) -> Protocol {
        self.endpoint.borrow().protocol.unwrap_or(otherwise)
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> Rc<Endpoint> {
        Rc::clone(&self.endpoint.borrow())
    }

    /// Sends a request at `now` and returns the head of the response with its body still streaming. `protocol` is taken where
    /// the endpoint states none. Latency, failures and ejection are kept here.
    ///
    /// # Errors
    /// See [`SendFailure`](crate::SendFailure); the request comes back if nothing of it was sent. It is boxed: it
    /// passes through several futures, each of which would otherwise hold it whole.
    pub async fn send(
        self: &Rc<Self>,
        protocol: Protocol,
        request: Box<http::Request<Body>>,
        now: Instant,
    ) -> Result<Response, SendError> {
        let (address, protocol) = {
            let endpoint = self.endpoint.borrow();
            (endpoint.address, endpoint.protocol.unwrap_or(protocol))
        };
        let mut call = self.begin(now);
        let answer = match protocol {
            // The transport of mucp is HTTP/1.1, one message a request (spec/wire 4.1).
            Protocol::Http | Protocol::Mucp => self.h1.send(address, request).await,
            Protocol::Grpc => Box::pin(self.h2.send(address, request)).await,
        };
        call.ended = true;
        self.learn(now, answer.as_ref().err());
        let (response, lease) = answer?;
        Ok(into_response(response, lease))
    }

    /// Counts a call from here on; the balancer prefers endpoints with fewer.
    pub fn begin(self: &Rc<Self>, now: Instant) -> InFlight {
        self.in_flight.set(self.in_flight.get() + 1);
        self.calls.set(self.calls.get() + 1);
        InFlight { endpoint: Rc::clone(self), since: now, ended: false }
    }

    fn observe(&self, latency: Duration, now: Instant) {
        let mut ewma = self.ewma.get();
        ewma.observe(latency, now);
        self.ewma.set(ewma);
    }

    fn learn(&self, start: Instant, error: Option<&SendError>) {
        let now = Instant::now();
        match error.map(SendError::cause) {
            None => {
                self.observe(now.saturating_duration_since(start), now);
                self.ejections.set(0);
                self.ejected_until.set(None);
            }
            // What our side of the exchange did says nothing of the endpoint.
            Some(Cause::BodyTooLarge | Cause::ClientGone | Cause::Overloaded) => {}
            Some(cause) => {
                self.failures.set(self.failures.get() + 1);
                self.observe(now.saturating_duration_since(start).max(FAILURE_LATENCY), now);
                if matches!(cause, Cause::ConnectRefused | Cause::ConnectTimeout) {
                    self.refused.set(true);
                    self.eject(now);
                }
            }
        }
    }

    fn eject(&self, now: Instant) {
        let times = self.ejections.get();
        let pause = EJECTION_MIN.saturating_mul(1 << times.min(5)).min(EJECTION_MAX);
        self.ejections.set(times.saturating_add(1));
        self.ejected_until.set(Some(now + pause));
        tracing::info!(address = %self.endpoint.borrow().address, ?pause, "endpoint ejected after a failed connection");
    }

    pub(crate) fn load(&self, now: Instant, tried: bool, with_ejected: bool) -> Load {
        let ejected = !with_ejected && self.is_ejected(now);
        Load {
            latency: self.ewma.get().nanos(now),
            in_flight: self.in_flight.get(),
            weight: self.endpoint.borrow().weight,
            available: !tried && !ejected,
        }
    }

    fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.get().is_some_and(|until| until > now)
    }

    /// Returns whether no connection could be made since this was last asked.
    pub(crate) fn take_refused(&self) -> bool {
        self.refused.take()
    }

    pub(crate) fn sweep(&self, now: Instant) {
        self.h1.sweep(now);
        self.h2.sweep();
    }

    pub(crate) fn report(&self, now: Instant) -> EndpointReport {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a latency in nanoseconds fits, and is positive"
        )]
        let latency = Duration::from_nanos(self.ewma.get().nanos(now) as u64);
        EndpointReport {
            address: self.endpoint.borrow().address.to_string(),
            idle_connections: self.h1.idle(),
            h2_connections: self.h2.open_connections(),
            in_flight: self.in_flight.get(),
            calls: self.calls.get(),
            failures: self.failures.get(),
            latency,
            ejected: self.is_ejected(now),
        }
    }
}

fn into_response(
    response: http::Response<hyper::body::Incoming>,
    lease: Box<dyn gateway_exchange::BodyHook>,
) -> Response {
    let switching = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
    let (mut parts, incoming) = response.into_parts();
    let upgrade = if switching { parts.extensions.remove::<hyper::upgrade::OnUpgrade>() } else { None };
    let mut body = Body::incoming(incoming);
    // An upgraded connection never returns to a pool.
    if !switching {
        body.on_end(lease);
    }
    Response { status: parts.status, headers: parts.headers, body, cause: None, upgrade }
}

impl fmt::Debug for EndpointState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointState").field("address", &self.endpoint.borrow().address).finish_non_exhaustive()
    }
}
